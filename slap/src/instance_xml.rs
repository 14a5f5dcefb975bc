//! The XML in which masters keep parameters: `<instance>` with a `<parameter
//! id="…">` each (`slapos.util.xml2dict`).

use std::sync::Arc;

use buildout_core::value::{Dict, Value};
use roxmltree::Document;

use crate::marshal::UnmarshalError;

/// Reads the XML. An empty parameter is `None`; of a repeated one the texts are
/// joined with a space. No text at all has no parameters.
pub(crate) fn parse_instance_xml(xml: &str) -> Result<Dict, UnmarshalError> {
    let mut dict = Dict::new();
    if xml.is_empty() {
        return Ok(dict);
    }
    let document = Document::parse(xml)?;
    let parameters = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("parameter"));
    for parameter in parameters {
        let id = parameter.attribute("id").unwrap_or_default();
        let text = parameter.text();
        let value = match (dict.get_str(id).and_then(Value::as_str), text) {
            (Some(before), text) => Value::from(format!("{before} {}", text.unwrap_or_default())),
            (None, Some(text)) => Value::from(text),
            (None, None) => Value::None,
        };
        dict.insert_str(Arc::from(id), value);
    }
    Ok(dict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_upstream_does() {
        let xml = "<?xml version='1.0' encoding='utf-8'?>\n<instance>\n  \
                   <parameter id=\"a\">1</parameter>\n  <parameter id=\"b\"/>\n  \
                   <parameter id=\"a\">&lt;é</parameter>\n</instance>\n";
        let dict = parse_instance_xml(xml).expect("it is one");
        assert_eq!(Value::Dict(dict).repr(), "{'a': '1 <é', 'b': None}");
        assert!(parse_instance_xml("").expect("nothing").is_empty());
        assert!(
            parse_instance_xml("<instance/>")
                .expect("it is one")
                .is_empty()
        );
        assert!(parse_instance_xml("<instance>").is_err());
    }
}
