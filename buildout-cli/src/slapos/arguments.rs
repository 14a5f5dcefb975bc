//! The command line of `slapos`.

use clap::{Args, Parser, Subcommand};

/// Builds, installs and runs what a SlapOS master wants of this machine.
#[derive(Debug, Parser)]
#[command(name = "slapos", version, max_term_width = 100)]
pub(super) struct CommandLine {
    #[command(flatten)]
    pub(super) logging: LoggingArguments,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What is logged, and where.
#[derive(Args, Clone, Debug)]
pub(super) struct LoggingArguments {
    /// Tell more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Tell only warnings and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Log to this file as well
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<String>,
    /// Colour the log
    #[arg(long, global = true)]
    pub(super) log_color: bool,
    /// Show the time of each record (it always is)
    #[arg(long, global = true, hide = true)]
    pub(super) log_time: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// What happens on this machine
    #[command(subcommand)]
    Node(NodeCommand),
    /// Request an instance, and show its state and parameters
    Request(RequestArguments),
    /// Supply a software to a node
    Supply(SupplyArguments),
    /// Remove a software from a node
    Remove(SupplyArguments),
    /// The instances of a user
    #[command(subcommand)]
    Service(ListingCommand),
    /// The computers of a user
    #[command(subcommand)]
    Computer(ListingCommand),
    /// The small master that comes with slapos.core
    #[command(subcommand)]
    Proxy(ProxyCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Make a node that works without root in a directory, with a master
    Init(InitArguments),
    /// Prepare the partitions, and tell the master of them
    Format(FormatArguments),
    /// Build and remove software releases
    Software(SoftwareArguments),
    /// Install, start and stop instances
    Instance(InstanceArguments),
    /// Tell the master what instances used, and remove those that it wants destroyed
    Report(ReportArguments),
    /// Measure what the machine and its partitions use
    Collect(CollectArguments),
    /// Remove shared parts that nothing uses
    Prune(PruneArguments),
    /// Have all partitions of the computer processed again
    Bang(BangArguments),
    /// Prepare the machine after it has started: wait for its network, format, bang
    Boot(BootArguments),
    /// Test the promises of started instances, and change nothing
    Promise(PromiseArguments),
    /// Show releases, partitions and their services at a glance
    List(ListArguments),
    /// Start supervisord, if it does not run
    Supervisord(SupervisordArguments),
    /// Run supervisorctl
    Supervisorctl(SupervisorctlArguments),
    /// Show the processes under supervisord, or how the node is
    Status(StatusArguments),
    /// Start processes under supervisord
    Start(ProcessArguments),
    /// Stop processes under supervisord
    Stop(ProcessArguments),
    /// Restart processes under supervisord
    Restart(ProcessArguments),
    /// Show the end of what a process wrote
    Tail(TailArguments),
}

/// Which configuration is read.
#[derive(Args, Clone, Debug)]
pub(super) struct ConfigurationArgument {
    /// The configuration of the node
    #[arg(long, value_name = "FILE")]
    pub(super) cfg: Option<String>,
}

/// Options above those of the configuration.
#[derive(Args, Clone, Debug)]
pub(super) struct NodeArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Where partitions are
    #[arg(long, value_name = "DIRECTORY")]
    instance_root: Option<String>,
    /// Where releases are built
    #[arg(long, value_name = "DIRECTORY")]
    software_root: Option<String>,
    /// The master
    #[arg(long, value_name = "URL")]
    master_url: Option<String>,
    /// What the master calls this node
    #[arg(long, value_name = "ID")]
    computer_id: Option<String>,
    /// The file that names the running process
    #[arg(long, value_name = "FILE")]
    pidfile: Option<String>,
    /// The key of the node's certificate
    #[arg(long = "key_file", value_name = "FILE")]
    key_file: Option<String>,
    /// The node's certificate
    #[arg(long = "cert_file", value_name = "FILE")]
    cert_file: Option<String>,
    /// The key that signs what goes to the network cache
    #[arg(long = "signature_private_key_file", value_name = "FILE")]
    signature_private_key_file: Option<String>,
    /// The certificates of the masters to trust
    #[arg(long = "master_ca_file", value_name = "FILE")]
    master_ca_file: Option<String>,
    /// Where certificates of partitions are kept
    #[arg(long = "certificate_repository_path", value_name = "DIRECTORY")]
    certificate_repository_path: Option<String>,
    /// After how many seconds a partition is processed again
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    maximum_periodicity: Option<i64>,
    /// How many seconds a promise may take
    #[arg(long, value_name = "SECONDS")]
    promise_timeout: Option<u64>,
    /// How many seconds the profile of a partition may take
    #[arg(long, value_name = "SECONDS")]
    partition_timeout: Option<u64>,
    /// Begin at once, whatever `maximal_delay` says
    #[arg(long)]
    pub(super) now: bool,
    /// Sleep for up to so many seconds before
    #[arg(long = "maximal_delay", value_name = "SECONDS")]
    maximal_delay: Option<u64>,
}

impl NodeArguments {
    /// Returns the options that are given, by their names in the configuration.
    pub(super) fn given(&self) -> impl Iterator<Item = (String, String)> {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let options = [
            ("instance_root", self.instance_root.clone()),
            ("software_root", self.software_root.clone()),
            ("master_url", self.master_url.clone()),
            ("computer_id", self.computer_id.clone()),
            ("pidfile", self.pidfile.clone()),
            ("key_file", self.key_file.clone()),
            ("cert_file", self.cert_file.clone()),
            (
                "signature-private-key-file",
                self.signature_private_key_file.clone(),
            ),
            ("master_ca_file", self.master_ca_file.clone()),
            (
                "certificate_repository_path",
                self.certificate_repository_path.clone(),
            ),
            (
                "maximum_periodicity",
                self.maximum_periodicity.map(|number| number.to_string()),
            ),
            ("promise_timeout", number(self.promise_timeout)),
            ("partition_timeout", number(self.partition_timeout)),
            ("maximal_delay", number(self.maximal_delay)),
        ];
        options
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    }
}

#[derive(Args, Debug)]
pub(super) struct SoftwareArguments {
    #[command(flatten)]
    pub(super) node: NodeArguments,
    /// Build releases that are there already
    #[arg(long)]
    pub(super) force: bool,
    /// The same, of all releases
    #[arg(long, conflicts_with = "only_sr")]
    pub(super) all: bool,
    /// Look at these releases only: URLs or MD5s of them, with commas
    #[arg(long = "only-sr", alias = "only", value_name = "RELEASES")]
    pub(super) only_sr: Option<String>,
    /// Remove releases that the master does not know
    #[arg(long)]
    pub(super) garbage_collect: bool,
    /// Show failures of builds with all their causes
    #[arg(long)]
    pub(super) buildout_debug: bool,
}

#[derive(Args, Debug)]
pub(super) struct InstanceArguments {
    #[command(flatten)]
    pub(super) node: NodeArguments,
    /// Process partitions that are up to date
    #[arg(long)]
    pub(super) force: bool,
    /// The same, of all partitions
    #[arg(long, conflicts_with = "only_cp")]
    pub(super) all: bool,
    /// Look at these partitions only, with commas
    #[arg(long = "only-cp", alias = "only", value_name = "PARTITIONS")]
    pub(super) only_cp: Option<String>,
    /// Stop the services of instances that are to be started
    #[arg(long)]
    pub(super) force_stop: bool,
    /// Show failures of profiles with all their causes
    #[arg(long)]
    pub(super) buildout_debug: bool,
}

#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    pub(super) node: NodeArguments,
}

#[derive(Args, Debug)]
pub(super) struct CollectArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
}

#[derive(Args, Debug)]
pub(super) struct PruneArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Only tell what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// A directory of further releases whose shared parts are kept
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) additional_software_directory: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct BangArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Why
    #[arg(short, long, default_value = "")]
    pub(super) message: String,
}

#[derive(Args, Debug)]
pub(super) struct BootArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// What the master is told
    #[arg(short, long, default_value = "Reboot")]
    pub(super) message: String,
}

#[derive(Args, Debug)]
pub(super) struct PromiseArguments {
    #[command(flatten)]
    pub(super) node: NodeArguments,
    /// Look at these partitions only, with commas
    #[arg(long = "only-cp", alias = "only", value_name = "PARTITIONS")]
    pub(super) only_cp: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct FormatArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Begin at once (it always does)
    #[arg(long)]
    pub(super) now: bool,
    /// Only look
    #[arg(short = 'n', long = "dry_run")]
    pub(super) dry_run: bool,
    /// The file that describes the computer as XML
    #[arg(short = 'x', long = "computer_xml", value_name = "FILE")]
    pub(super) computer_xml: Option<String>,
    /// The file that describes the computer as JSON
    #[arg(long = "computer_json", value_name = "FILE")]
    pub(super) computer_json: Option<String>,
    /// The file that defines the partitions
    #[arg(short = 'i', long = "input_definition_file", value_name = "FILE")]
    pub(super) input_definition_file: Option<String>,
    /// The file in which the partitions are defined as they have become
    #[arg(short = 'o', long = "output_definition_file", value_name = "FILE")]
    pub(super) output_definition_file: Option<String>,
    /// Whether users are made
    #[arg(long = "alter_user", value_name = "BOOLEAN")]
    pub(super) alter_user: Option<String>,
    /// Whether addresses are made
    #[arg(long = "alter_network", value_name = "BOOLEAN")]
    pub(super) alter_network: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct InitArguments {
    /// Where everything goes; made if it is not there
    pub(super) directory: String,
    /// How many partitions
    #[arg(long, default_value_t = 10)]
    pub(super) partitions: usize,
    /// The address of the master and of the partitions
    #[arg(long, default_value = "127.0.0.1")]
    pub(super) address: String,
    /// The port of the master
    #[arg(long, default_value_t = 5000)]
    pub(super) port: u16,
    /// A virtual environment with supervisor and slapos.core, to be used instead
    /// of installing them
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) environment: Option<String>,
    /// Another master, which is there already
    #[arg(long, value_name = "URL")]
    pub(super) master_url: Option<String>,
    /// What the master calls this node
    #[arg(long, default_value = "local", value_name = "ID")]
    pub(super) computer_id: String,
    /// Only write the files: install and start nothing
    #[arg(long)]
    pub(super) no_start: bool,
}

#[derive(Args, Debug)]
pub(super) struct ListArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
}

#[derive(Args, Debug)]
pub(super) struct SupervisordArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Become supervisord, in the foreground
    #[arg(short = 'n', long)]
    pub(super) nodaemon: bool,
}

#[derive(Args, Debug)]
pub(super) struct SupervisorctlArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// What supervisorctl is to do; nothing for its console
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct ProcessArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Processes (`GROUP:NAME`), groups (`GROUP:*`) or `all`
    pub(super) names: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// Show what is wrong with partitions: their processing, services and promises
    #[arg(long)]
    pub(super) health: bool,
    /// The same as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// The same as a page for browsers, in a file
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<String>,
    /// Processes (`GROUP:NAME`), groups (`GROUP:*`) or `all`; partitions if it is about health
    pub(super) names: Vec<String>,
}

impl StatusArguments {
    /// Tells whether more is wanted than what supervisorctl shows.
    pub(super) fn is_about_health(&self) -> bool {
        self.health || self.json || self.output.is_some()
    }
}

#[derive(Args, Debug)]
pub(super) struct TailArguments {
    #[command(flatten)]
    pub(super) configuration: ConfigurationArgument,
    /// The process (`GROUP:NAME`)
    pub(super) name: String,
    /// How many bytes
    #[arg(short = 'c', long, default_value_t = 1600)]
    pub(super) bytes: u32,
}

/// Which configuration of a user is read.
#[derive(Args, Clone, Debug)]
pub(super) struct ClientArgument {
    /// The configuration of the user
    #[arg(long, value_name = "FILE")]
    pub(super) cfg: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct RequestArguments {
    #[command(flatten)]
    pub(super) client: ClientArgument,
    /// The name of the instance
    pub(super) reference: String,
    /// The URL of the software
    pub(super) software_url: String,
    /// Where it is to be: `computer_guid=ID` and the like
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE")]
    pub(super) node: Vec<String>,
    /// The type of the software
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) software_type: Option<String>,
    /// The state: started, stopped or destroyed
    #[arg(long)]
    pub(super) state: Option<String>,
    /// Ask for an entry of an instance that several share
    #[arg(long)]
    pub(super) slave: bool,
    /// The parameters
    #[arg(long, num_args = 1.., value_name = "NAME=VALUE", conflicts_with = "parameters_file")]
    pub(super) parameters: Vec<String>,
    /// The parameters, in a file with JSON
    #[arg(long, value_name = "FILE")]
    pub(super) parameters_file: Option<String>,
    /// How parameters of a file are sent
    #[arg(long, value_name = "FORM", value_parser = ["xml", "json-in-xml"])]
    pub(super) force_serialisation: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct SupplyArguments {
    #[command(flatten)]
    pub(super) client: ClientArgument,
    /// The URL of the software
    pub(super) software_url: String,
    /// The node
    pub(super) node: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum ListingCommand {
    /// List all
    List {
        #[command(flatten)]
        client: ClientArgument,
    },
    /// Show one
    Info {
        #[command(flatten)]
        client: ClientArgument,
        /// Its name
        reference: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Start it
    #[command(disable_help_flag = true)]
    Start(ProxyArguments),
    /// Show what it knows
    #[command(disable_help_flag = true)]
    Show(ProxyArguments),
}

#[derive(Args, Debug)]
pub(super) struct ProxyArguments {
    /// What slapos.core's command is to do
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}
