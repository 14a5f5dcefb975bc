//! What every command of `slapos` gets: its log, and a node or a master made
//! of the configuration.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::exec::cancel::CancellationToken;
use indexmap::IndexMap;
use slap::{HttpMaster, HttpMasterOptions, SlapError};
use slapgrid::configuration::{
    CLIENT_PATH_VARIABLE, ConfigurationError, DEFAULT_PATH, NodeConfiguration, Options,
    PATH_VARIABLE,
};
use slapgrid::{Accounts, FirewallTurn, Logger, Node, NodeSurroundings, error_chain};

use super::arguments::{ConfigurationArgument, LoggingArguments, NodeArguments};
use super::log::NodeLog;
use super::supervisord::PinnedSupervisord;
use crate::{Stop, Streams, Surroundings, diagnostic};

/// What every command gets.
pub(super) struct Context<'a> {
    pub(super) surroundings: &'a Surroundings,
    pub(super) streams: &'a Streams,
    pub(super) cancellation: &'a CancellationToken,
    pub(super) log: Logger,
    logging: LoggingArguments,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        logging: LoggingArguments,
        surroundings: &'a Surroundings,
        streams: &'a Streams,
        cancellation: &'a CancellationToken,
    ) -> Result<Self, Stop> {
        let level = match (logging.quiet, logging.verbose) {
            (true, _) => Level::Warning,
            (false, 0) => Level::Info,
            (false, _) => Level::Debug,
        };
        let file = match &logging.log_file {
            None => None,
            Some(name) => {
                let path = Path::new(&surroundings.working_directory).join(name);
                let opened = OpenOptions::new().append(true).create(true).open(&path);
                let file = opened.map_err(|error| {
                    Stop::message(format!("failed to open `{}`: {error}", path.display()))
                })?;
                Some(file)
            }
        };
        let colour = logging.log_color || surroundings.colour;
        let log = NodeLog::new(streams, level, colour, file);
        Ok(Context {
            surroundings,
            streams,
            cancellation,
            log: Logger::new(Arc::new(log)),
            logging,
        })
    }

    /// Returns the same with a log in `file` as well, unless the command line
    /// names another one.
    pub(super) fn also_logging_to(&self, file: Option<&Path>) -> Result<Self, Stop> {
        let mut logging = self.logging.clone();
        let named = logging.log_file.take();
        logging.log_file = named.or_else(|| Some(file?.to_str()?.to_owned()));
        Context::new(logging, self.surroundings, self.streams, self.cancellation)
    }

    /// Shows a failure and returns how the command ends.
    pub(super) fn fail(
        &self,
        error: &(dyn std::error::Error + 'static),
        hint: Option<&str>,
        code: i32,
    ) -> Stop {
        diagnostic::show_message(self.streams, &error_chain(error), hint);
        Stop::Code(code)
    }

    pub(super) fn fail_configuration(&self, error: &ConfigurationError) -> Stop {
        self.fail(error, error.hint().as_deref(), error.exit_code())
    }

    pub(super) fn fail_master(&self, error: &SlapError) -> Stop {
        self.fail(error, error.hint().as_deref(), 1)
    }

    /// Returns the file of the node's configuration.
    pub(super) fn configuration_path(&self, argument: &ConfigurationArgument) -> PathBuf {
        let variable = self.surroundings.variable(PATH_VARIABLE);
        let named = argument.cfg.as_deref().or(variable);
        let named = named.filter(|name| !name.is_empty());
        PathBuf::from(named.unwrap_or(DEFAULT_PATH))
    }

    /// Reads the node's configuration with what is given above it.
    pub(super) fn options(
        &self,
        argument: &ConfigurationArgument,
        given: IndexMap<String, String>,
    ) -> Result<Options, Stop> {
        let path = self.configuration_path(argument);
        let directory = Path::new(&self.surroundings.working_directory);
        Options::load(&path, directory, given).map_err(|error| self.fail_configuration(&error))
    }

    /// Tells whether this process is root's.
    pub(super) fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// Returns what the node takes from this process.
    pub(super) fn node_surroundings(&self) -> Result<NodeSurroundings, Stop> {
        let program = std::env::current_exe().map_err(|error: io::Error| {
            Stop::message(format!("this program does not know its path: {error}"))
        })?;
        Ok(NodeSurroundings {
            environment: self.surroundings.environment.clone(),
            program,
            jobs: self.surroundings.default_jobs,
            temporary_directory: self.surroundings.temporary_directory(),
            user: rustix::process::geteuid().as_raw(),
            accounts: Accounts::of_machine(),
            supervisord: Arc::new(PinnedSupervisord::new(self.surroundings)),
        })
    }

    /// Returns the node of these options.
    pub(super) fn node_of(&self, options: &Options) -> Result<Node, Stop> {
        let configuration = NodeConfiguration::read(
            options,
            &|path| path.exists(),
            self.is_root(),
            self.surroundings.default_jobs,
        )
        .map_err(|error| self.fail_configuration(&error))?;
        let mut master = HttpMasterOptions::new(configuration.master_url.clone());
        master.key_file = configuration.key_file.clone();
        master.certificate_file = configuration.cert_file.clone();
        master.ca_file = configuration.master_ca_file.clone();
        let node = Node {
            configuration,
            master: Arc::new(HttpMaster::new(master)),
            log: self.log.clone(),
            surroundings: self.node_surroundings()?,
            cancellation: self.cancellation.clone(),
            firewall_turn: FirewallTurn::default(),
        };
        Ok(node)
    }

    /// Returns the node that the arguments of a pass describe.
    pub(super) fn node(
        &self,
        arguments: &NodeArguments,
        force: bool,
        debug: bool,
    ) -> Result<Node, Stop> {
        let mut given: IndexMap<String, String> = arguments.given().collect();
        if force {
            given.insert("force".to_owned(), "true".to_owned());
        }
        if debug {
            given.insert("buildout_debug".to_owned(), "true".to_owned());
        }
        let options = self.options(&arguments.configuration, given)?;
        let mut node = self.node_of(&options)?;
        if arguments.now {
            node.configuration.maximal_delay = 0;
        }
        Ok(node)
    }

    /// Returns the node of the configuration alone.
    pub(super) fn plain_node(&self, argument: &ConfigurationArgument) -> Result<Node, Stop> {
        let options = self.options(argument, IndexMap::new())?;
        self.node_of(&options)
    }

    /// Returns the options of a user's commands.
    pub(super) fn client_options(&self, cfg: Option<&str>) -> Result<Options, Stop> {
        let variable = self.surroundings.variable(CLIENT_PATH_VARIABLE);
        let named = cfg.or(variable).filter(|name| !name.is_empty());
        let path = match (named, self.surroundings.home()) {
            (Some(name), _) => PathBuf::from(name),
            (None, Some(home)) => Path::new(home).join(".slapos/slapos-client.cfg"),
            (None, None) => PathBuf::from(DEFAULT_PATH),
        };
        let directory = Path::new(&self.surroundings.working_directory);
        Options::load(&path, directory, IndexMap::new()).map_err(|error| {
            let hint = match &error {
                ConfigurationError::NoFile(_) => Some(format!(
                    "name it with `--cfg` or ${CLIENT_PATH_VARIABLE}; that of a node will do"
                )),
                other => other.hint(),
            };
            self.fail(&error, hint.as_deref(), 1)
        })
    }
}
