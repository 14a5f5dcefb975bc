//! The documents that a master has for people's programs.

use serde_json::Value;
use slap::{Exchange, HttpMaster, HttpMasterOptions, Master as _};

use super::super::context::Context;
use crate::Stop;

/// The longest answer that is shown of a master that does not answer JSON.
const SHOWN: usize = 200;

/// The API of a master for people's programs.
pub(super) struct Hateoas<'a> {
    context: &'a Context<'a>,
    master: HttpMaster,
}

impl<'a> Hateoas<'a> {
    pub(super) fn of(context: &'a Context<'a>, cfg: Option<&str>) -> Result<Self, Stop> {
        let options = context.client_options(cfg)?;
        let Some(url) = super::option(&options, "master_rest_url") else {
            return Err(Stop::message(
                "SlapOS Master Hateoas API required for this operation is not available.",
            )
            .with_hint("set `master_rest_url = ...` in `[slapos]`; that of `slapos proxy` is its URL with `/hateoas`"));
        };
        let master = HttpMasterOptions {
            url,
            ..super::master_options(context, &options)?
        };
        Ok(Hateoas {
            context,
            master: HttpMaster::new(master),
        })
    }

    fn get(&self, path: &str, fields: Vec<(&'static str, String)>) -> Result<Value, Stop> {
        let text = self
            .master
            .call(&Exchange::get(path, fields))
            .map_err(|error| self.context.fail_master(&error))?;
        serde_json::from_str(&text).map_err(|_| {
            let text: String = text.chars().take(SHOWN).collect();
            Stop::message(format!("the master does not answer with JSON: {text:?}"))
        })
    }

    /// Returns what a search finds.
    pub(super) fn search(&self, query: &str) -> Result<Vec<Value>, Stop> {
        let fields = vec![
            ("mode", "search".to_owned()),
            ("query", query.to_owned()),
            (
                "select_list",
                "['title', 'reference', 'url_string', 'relative_url']".to_owned(),
            ),
        ];
        let answer = self.get("", fields)?;
        match answer.pointer("/_embedded/contents") {
            Some(Value::Array(rows)) => Ok(rows.clone()),
            _ => Err(Stop::message("the master does not answer with a list")),
        }
    }

    /// Returns a document by its URL.
    pub(super) fn traverse(&self, relative_url: &str) -> Result<Value, Stop> {
        let fields = vec![
            ("mode", "traverse".to_owned()),
            ("relative_url", relative_url.to_owned()),
            ("view", "slapos_jio_view".to_owned()),
        ];
        self.get("", fields)
    }
}

/// Returns the text of a field of a document's form.
pub(super) fn field<'v>(document: &'v Value, name: &str) -> Option<&'v Value> {
    document.pointer(&format!("/_embedded/_view/{name}/default"))
}

/// Returns a member of a row as a text.
pub(super) fn member<'v>(row: &'v Value, name: &str) -> &'v str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}
