//! What a release says about the parameters of its instances, for those who
//! request one.

use std::path::Path;
use std::sync::Arc;

use buildout_core::extends::is_url;
use buildout_core::fetch::Transport;
use buildout_core::recipe::RecipeError;
use buildout_core::value::{Dict, Value};

use super::description::{Serialisation, SoftwareDescription};
use super::documents::{DocumentError, Documents, file_uri};
use super::to_json;
use super::validation::{Rules, validate};
use crate::slap::json::unwrap;

/// The description of a release, `software.cfg.json` beside `software.cfg`, for
/// one type of software (`slapos.util.SoftwareReleaseSchema`).
pub struct ReleaseSchema {
    documents: Documents,
    description: SoftwareDescription,
}

impl ReleaseSchema {
    /// Reads the description of the release whose profile is at `release`, a
    /// URL or a path; relative ones start from `directory`. No type means the
    /// default one. `transport` fetches what is in the network.
    ///
    /// # Errors
    ///
    /// The release has none, or it cannot be had.
    pub fn read(
        release: &str,
        software_type: Option<&str>,
        directory: &Path,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, DocumentError> {
        let documents = Documents::of_network(transport);
        let uri = match release {
            url if is_url(url) || url.starts_with("file:") => format!("{url}.json"),
            path => file_uri(&directory.join(format!("{path}.json"))),
        };
        let description =
            SoftwareDescription::read(&documents, uri, software_type.unwrap_or_default())?;
        Ok(ReleaseSchema {
            documents,
            description,
        })
    }

    /// Returns how parameters of the type travel.
    ///
    /// # Errors
    ///
    /// The description does not say, or says nonsense.
    pub fn serialisation(&self) -> Result<Serialisation, RecipeError> {
        self.description.serialisation()
    }

    /// Compares parameters, as they are to travel, with their schema; those of a
    /// shared instance with that of shared ones. Returns a line for each that
    /// does not fit: where it is, and in what way (`format_error`).
    ///
    /// # Errors
    ///
    /// There is no schema, or it is wrong; or the parameters are not in the form
    /// in which they travel.
    pub fn check(&self, parameters: &Dict, is_shared: bool) -> Result<Vec<String>, RecipeError> {
        let schema = match is_shared {
            true => self.description.shared_request_schema()?,
            false => self.description.request_schema()?,
        };
        let mut parameters = Value::Dict(parameters.clone());
        if self.description.serialisation()? == Serialisation::JsonInXml {
            parameters = unwrap(parameters)?;
        }
        let mut json = to_json(&parameters)?;
        if let Some(object) = json.as_object_mut() {
            // What editors put there to know the schema.
            object.remove("$schema");
        }
        let rules = Rules {
            set_defaults: false,
            unstringify: false,
        };
        let found = validate(&self.documents, &schema, json, rules)?;
        let invalid = found.err().unwrap_or_default();
        let line =
            |invalid: super::validation::Invalid| format!("{}: {}", invalid.path, invalid.message);
        Ok(invalid.into_iter().map(line).collect())
    }
}
