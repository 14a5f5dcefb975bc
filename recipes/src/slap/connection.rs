//! The way to the master.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::fetch::ClientOptions;
use buildout_core::recipe::{Construction, RecipeError, RunServices};
use slap::{
    HttpMaster, HttpMasterOptions, Master, PartitionReference, RecordedRequests, RunMaster,
};

/// The section that a node adds to the profile of an instance.
pub(super) const SECTION: &str = "slap-connection";

/// The variable by which a node says where all partitions are.
const INSTANCE_ROOT: &str = "SLAPGRID_INSTANCE_ROOT";

/// Where the master is, and in whose name it is asked.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The master's URL.
    pub(super) server_url: String,
    /// The key of the certificate.
    pub(super) key_file: Option<PathBuf>,
    /// The certificate to be shown to the master.
    pub(super) certificate_file: Option<PathBuf>,
    /// The partition of the instance.
    pub(super) partition: PartitionReference,
}

impl Connection {
    /// Reads `[slap-connection]`, as upstream's `GenericSlapRecipe` does.
    pub(super) fn of_section(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let buildout = part.buildout();
        let read = |option: &str| -> Result<Option<String>, RecipeError> {
            let value = buildout.get(SECTION, option)?;
            Ok(value.map(|value| value.to_string()))
        };
        let required = |option: &str| {
            let found = read(option)?;
            found.ok_or_else(|| crate::live_options::missing_option(SECTION, option))
        };
        let computer_id = required("computer-id")?;
        let partition_id = required("partition-id")?;
        let server_url = required("server-url")?;
        // Upstream insists on it as well.
        required("software-release-url")?;
        Ok(Connection {
            server_url,
            key_file: read("key-file")?
                .filter(|path| !path.is_empty())
                .map(Into::into),
            certificate_file: read("cert-file")?
                .filter(|path| !path.is_empty())
                .map(Into::into),
            partition: PartitionReference::new(computer_id, partition_id),
        })
    }

    /// Returns the master: that of the run if it is meant, else a client that
    /// the recipes of the run share.
    pub(super) fn master(&self, services: &RunServices) -> Arc<dyn Master> {
        let given = services.extensions.get::<RunMaster>();
        if let Some(master) = given.and_then(|given| given.serving(&self.server_url)) {
            return master;
        }
        let clients = services.extensions.get_or_default::<Clients>();
        let key = (
            self.server_url.clone(),
            self.key_file.clone(),
            self.certificate_file.clone(),
        );
        let mut clients = clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(key).or_insert_with(|| self.client(services));
        Arc::clone(client)
    }

    fn client(&self, services: &RunServices) -> Arc<dyn Master> {
        let variable = |name: &str| {
            let value = services.process_environment.get(OsStr::new(name))?;
            Some(value.to_string_lossy().into_owned())
        };
        let mut options = HttpMasterOptions::new(&self.server_url);
        options.client.proxies = ClientOptions::from_variables(variable).proxies;
        options.key_file.clone_from(&self.key_file);
        options.certificate_file.clone_from(&self.certificate_file);
        let client = HttpMaster::new(options);
        match variable(INSTANCE_ROOT).filter(|root| !root.is_empty()) {
            Some(root) => Arc::new(RecordedRequests::new(client, root)),
            None => Arc::new(client),
        }
    }
}

type ClientKey = (String, Option<PathBuf>, Option<PathBuf>);

/// The clients of a run.
#[derive(Default)]
struct Clients(Mutex<HashMap<ClientKey, Arc<dyn Master>>>);
