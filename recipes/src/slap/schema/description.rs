//! The description of a software release: `software.cfg.json`
//! (`slapos.util.SoftwareReleaseSchema`).

use buildout_core::recipe::RecipeError;
use buildout_core::value::Value;
use serde_json::Value as Json;
use slap::{DEFAULT_SOFTWARE_TYPE, OLD_DEFAULT_SOFTWARE_TYPE};

use super::documents::{DocumentError, Documents, path_of, resolve};

/// How the parameters of an instance travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serialisation {
    /// Each as a text of its own.
    Xml,
    /// All as JSON in the one parameter `_`.
    JsonInXml,
}

/// A description, seen from one software type.
pub(super) struct SoftwareDescription {
    documents: Documents,
    /// Where it is.
    uri: String,
    description: Json,
    software_type: String,
}

impl SoftwareDescription {
    /// Reads the document at a URI.
    pub(super) fn read(
        documents: &Documents,
        uri: String,
        software_type: &str,
    ) -> Result<Self, DocumentError> {
        let description = documents.read(&uri)?;
        let software_type = match software_type {
            "" | OLD_DEFAULT_SOFTWARE_TYPE => DEFAULT_SOFTWARE_TYPE,
            other => other,
        };
        Ok(SoftwareDescription {
            documents: documents.clone(),
            uri,
            description,
            software_type: software_type.to_owned(),
        })
    }

    fn of_type(&self) -> Option<&Json> {
        self.description
            .get("software-type")?
            .get(&self.software_type)
    }

    /// Returns how parameters travel; that of the type comes first.
    pub(super) fn serialisation(&self) -> Result<Serialisation, RecipeError> {
        let of_type = self
            .of_type()
            .and_then(|of_type| of_type.get("serialisation"));
        let found = of_type.or_else(|| self.description.get("serialisation"));
        match found.and_then(Json::as_str) {
            Some("xml") => Ok(Serialisation::Xml),
            Some("json-in-xml") => Ok(Serialisation::JsonInXml),
            Some(other) => {
                let repr = Value::from(other).repr();
                let text = format!("{repr} is not a valid SoftwareReleaseSerialisation");
                Err(RecipeError::internal("ValueError", text)
                    .at_option("jsonschema")
                    .with_hint("`serialisation` is `xml` or `json-in-xml`"))
            }
            None => Err(RecipeError::internal("KeyError", "'serialisation'")
                .at_option("jsonschema")
                .with_hint(format!("add `serialisation` to `{}`", self.shown()))),
        }
    }

    /// Returns the location of the schema of the parameters.
    pub(super) fn request_schema(&self) -> Result<String, RecipeError> {
        let request = self.of_type().and_then(|it| it.get("request")?.as_str());
        match request {
            Some(request) => self.located(request),
            None => Err(self.missing("requested software-type")),
        }
    }

    /// Returns the location of the schema of the parameters of shared
    /// instances.
    pub(super) fn shared_request_schema(&self) -> Result<String, RecipeError> {
        let types = self.description.get("software-type");
        let types = types.and_then(Json::as_object).into_iter().flatten();
        let request = types
            .map(|(_, description)| description)
            .find(|description| {
                let name = description.get("software-type").and_then(Json::as_str);
                name == Some(&self.software_type)
                    && description.get("shared") == Some(&Json::Bool(true))
            })
            .and_then(|description| description.get("request")?.as_str());
        match request {
            Some(request) => self.located(request),
            None => Err(self.missing("requested shared software-type")),
        }
    }

    fn missing(&self, what: &str) -> RecipeError {
        let software_type = Value::from(self.software_type.as_str()).repr();
        RecipeError::user(format!(
            "{what} {software_type} seems to have no JSON schema entry in the software.cfg.json."
        ))
        .with_hint(format!("add one to `{}`", self.shown()))
    }

    /// Returns the description's path, or its URL.
    fn shown(&self) -> String {
        match path_of(&self.uri) {
            Some(path) => path.display().to_string(),
            None => self.uri.clone(),
        }
    }

    /// Returns the location of a schema that is named relative to the
    /// description, and makes sure that it can be read.
    fn located(&self, reference: &str) -> Result<String, RecipeError> {
        let uri = if reference.contains("://") {
            reference.to_owned()
        } else {
            let path = reference.strip_prefix("file:").unwrap_or(reference);
            resolve(&self.uri, path).unwrap_or_else(|| path.to_owned())
        };
        self.documents.read(&uri).map_err(unreadable)?;
        Ok(uri)
    }
}

/// Words a document that cannot be had for the recipe.
pub(super) fn unreadable(error: DocumentError) -> RecipeError {
    RecipeError::user(error).with_hint("the schemas are files beside the description")
}
