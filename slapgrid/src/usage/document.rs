//! The one document that tells the master what the partitions of a computer
//! used (`asXML` of slapos.core).

use std::time::SystemTime;

use roxmltree::{Document, Node};

use super::schema::text_of;
use crate::clock::log_time;

/// Puts the movements of all partitions into one document, of their names and
/// valid documents. Each movement is said to be its partition's, whatever
/// reference it gives itself.
pub(super) fn journal<'a>(
    computer_id: &str,
    now: SystemTime,
    usages: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let time = log_time(now).replacen(' ', " at ", 1);
    let mut xml = String::from(
        "<?xml version=\"1.0\"?><journal><transaction type=\"Sale Packing List\"><title>Resource consumptions</title><start_date></start_date><stop_date>",
    );
    xml.push_str(&time);
    xml.push_str("</stop_date><reference>");
    push_escaped(&mut xml, computer_id);
    xml.push_str("</reference><currency></currency><payment_mode></payment_mode><category></category><arrow type=\"Administration\"><source></source><destination></destination></arrow>");
    for (partition, usage) in usages {
        push_movements(&mut xml, partition, usage);
    }
    xml.push_str("</transaction></journal>");
    xml
}

fn push_movements(xml: &mut String, partition: &str, usage: &str) {
    let Ok(document) = Document::parse(usage) else {
        // It was checked.
        return;
    };
    let movements = document.root_element().children().filter(Node::is_element);
    for movement in movements {
        xml.push_str("<movement>");
        for child in movement.children().filter(Node::is_element) {
            let name = child.tag_name().name();
            xml.push_str(&format!("<{name}>"));
            if name == "reference" {
                push_escaped(xml, partition);
            } else {
                push_escaped(xml, &text_of(child));
            }
            xml.push_str(&format!("</{name}>"));
        }
        xml.push_str("</movement>");
    }
}

fn push_escaped(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // A reader would take it for the end of a line.
            '\r' => xml.push_str("&#13;"),
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::schema::Schema;
    use super::*;

    #[test]
    fn movements_are_their_partition_s() {
        let usage = "<consumption><movement><resource>a&amp;b</resource><reference>slappart0</reference><quantity> 1 </quantity><price>0<!-- free --></price><VAT/></movement></consumption>";
        let now = UNIX_EPOCH + Duration::from_secs(1_795_310_991);
        let text = journal("COMP-<1>", now, [("slappart3", usage); 2].into_iter());
        Schema::Computer.check(&text).unwrap();
        assert!(
            text.contains(
                "<stop_date>2026-11-22 at 01:29:51</stop_date><reference>COMP-&lt;1&gt;</reference>"
            ),
            "{text}"
        );
        let movement = "<movement><resource>a&amp;b</resource><reference>slappart3</reference><quantity> 1 </quantity><price>0</price><VAT></VAT></movement>";
        assert!(text.contains(&movement.repeat(2)), "{text}");
    }
}
