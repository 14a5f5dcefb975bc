//! `slapos.cookbook:request.edge`: one request for each of several countries.

use std::sync::Arc;

use buildout_core::recipe::{
    Answer, Call, Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed,
    OptionDocumentation, PartRun, Recipe, RecipeError, UpdateKind,
};

use super::request::{Kind, Requested};
use super::typed_options::{option_text, set_value, typed_value};
use crate::live_options::missing_option;

/// The prefix of what an instance published.
const CONNECTION: &str = "connection-";

const OPTIONS: &[OptionDocumentation] = &[
    OptionDocumentation {
        name: "country-list",
        default: None,
        summary: "The countries, with commas between them; each is the `sla-region` of a request \
                  of its own, whose name is `COUNTRY-PART`.",
    },
    OptionDocumentation {
        name: "connection-*",
        default: Some(""),
        summary: "Set by the recipe: what the instance in a country published, as \
                  `connection-NAME-COUNTRY`.",
    },
    OptionDocumentation {
        name: "*",
        default: Some(""),
        summary: "All other options are those of `slapos.cookbook:request`.",
    },
];

struct RequestEdgeFactory {
    descriptor: Descriptor,
}

/// Returns the factory of the recipe.
pub(super) fn factory() -> Arc<dyn Factory> {
    Arc::new(RequestEdgeFactory {
        descriptor: Descriptor {
            name: "slapos.cookbook:request.edge",
            summary: "Asks the master for an instance in each of several countries.",
            behaviour_version: 1,
            construction: ConstructionKind::ActsOnTheWorld,
            footprint: Footprint::Declared,
            update: UpdateKind::Runs,
            options: OPTIONS,
        },
    })
}

impl Factory for RequestEdgeFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let call = Call::KnownValues {
            section: part.part().into(),
        };
        let Answer::Options(original) = part.buildout().call(call)? else {
            return Err(missing_option(part.part(), "country-list"));
        };
        let countries = part.required("country-list")?;
        let kind = Kind {
            is_serialised: false,
            is_optional: false,
        };
        let mut requests = Vec::new();
        for country in countries.split(',') {
            let mut options = original.clone();
            options.insert("name".into(), format!("{country}-{}", part.part()).into());
            options.insert("sla-region".into(), country.into());
            let mut requested = Requested::make(part, &options, kind)?;
            for (option, value) in requested.take_outputs() {
                let text = option_text(part, &option, &value)?;
                options.insert(option.into(), text.into());
            }
            for (option, text) in &options {
                if option.starts_with(CONNECTION) {
                    let value = typed_value(part, text)?;
                    set_value(part, &format!("{option}-{country}"), &value)?;
                }
            }
            requests.push(requested);
        }
        Ok(Box::new(RequestEdge { requests }))
    }
}

struct RequestEdge {
    requests: Vec<Requested>,
}

impl Recipe for RequestEdge {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        for request in &self.requests {
            request.check(run)?;
        }
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }
}
