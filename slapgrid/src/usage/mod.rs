//! What partitions and the computer used, told to the master once
//! (`agregateAndSendUsage` of slapos.core).
//!
//! Programs of the instances, and `slapos node collect`, leave documents; here
//! they are checked, put together, sent, and removed when the master has them.

mod document;
mod outbox;
mod schema;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use slap::SlapError;

pub use outbox::OutboxError;
pub use schema::{Schema, UnusableUsage};

use crate::child::error_chain;
use crate::files::failed_to;
use crate::foreign_directory::ForeignDirectory;
use crate::log::Logger;
use crate::node::Node;
use document::journal;
use outbox::{Outbox, Outgoing, Place, Source};

/// The most bytes of reports that one document is made of; the others are sent
/// by the next pass.
const DOCUMENT_LIMIT: usize = 32 * 1024 * 1024;

/// How the reports of a pass went.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Whether something was not sent or not removed.
    pub(crate) failed: bool,
    /// Why the partitions' reports were not sent, if they were not.
    pub(crate) problem: Option<String>,
    /// The partitions with reports that the master does not have: nothing of
    /// them may be removed yet.
    pub(crate) unsent: BTreeSet<String>,
}

/// A report of a partition that is to be sent.
struct Report {
    source: Source,
    text: String,
}

/// Sends what the computer used, and then what `partitions` used.
pub(crate) fn deliver(node: &Node, partitions: &[&str]) -> Delivery {
    node.log.info("Aggregating and sending usage reports...");
    let mut delivery = Delivery::default();
    if let Err(error) = deliver_computer(node) {
        node.log.error(error);
        delivery.failed = true;
    }
    let root = &node.configuration.instance_root;
    let outbox = Outbox::of(root);
    let (mut reports, left_out) = collect(root, partitions, &node.log, DOCUMENT_LIMIT);
    let mut unsent: BTreeSet<String> = reports.iter().map(partition_of).collect();
    let result = deliver_earlier(node, &outbox, &mut reports, &mut unsent)
        .and_then(|()| deliver_reports(node, &outbox, reports));
    if let Err(problem) = result {
        node.log.error(&problem);
        delivery.failed = true;
        delivery.unsent = unsent;
        delivery.problem = Some(problem);
    }
    delivery.unsent.extend(left_out);
    delivery
}

fn partition_of(report: &Report) -> String {
    report.source.partition.clone()
}

fn told(error: OutboxError) -> String {
    error_chain(&error)
}

/// Sends the document of an earlier pass that the master may not have; its
/// reports are no longer to be sent.
fn deliver_earlier(
    node: &Node,
    outbox: &Outbox,
    reports: &mut Vec<Report>,
    unsent: &mut BTreeSet<String>,
) -> Result<(), String> {
    outbox.finish().map_err(told)?;
    let Some(earlier) = outbox.waiting().map_err(told)? else {
        return Ok(());
    };
    unsent.extend(
        earlier
            .sources
            .iter()
            .map(|source| source.partition.clone()),
    );
    node.log.info("Sending the usage report of an earlier run");
    send(node, outbox, &earlier)?;
    let known: HashSet<&Source> = earlier.sources.iter().collect();
    reports.retain(|report| !known.contains(&report.source));
    Ok(())
}

fn deliver_reports(node: &Node, outbox: &Outbox, reports: Vec<Report>) -> Result<(), String> {
    if reports.is_empty() {
        return Ok(());
    }
    let usages = reports
        .iter()
        .map(|report| (report.source.partition.as_str(), report.text.as_str()));
    let document = journal(&node.configuration.computer_id, SystemTime::now(), usages);
    node.log.debug(format!("Final xml report: {document}"));
    let outgoing = Outgoing {
        document,
        sources: reports.into_iter().map(|report| report.source).collect(),
    };
    outbox.put(&outgoing).map_err(told)?;
    send(node, outbox, &outgoing)
}

fn send(node: &Node, outbox: &Outbox, outgoing: &Outgoing) -> Result<(), String> {
    let count = outgoing.sources.len();
    let computer = &node.configuration.computer_id;
    node.master
        .report_usage(computer, &outgoing.document)
        .map_err(|error| refused(&error, &outbox.waiting_path()))?;
    outbox.accept().map_err(|error| error_chain(&error))?;
    node.log.info(format!("Sent {count} usage reports"));
    Ok(())
}

fn refused(error: &SlapError, path: &Path) -> String {
    format!(
        "Cannot report usage: {}\nThe next run sends `{}` again.",
        error_chain(error),
        path.display()
    )
}

/// Returns what the partitions used, in so many bytes at most, and those that may
/// have used more; what is wrong with other reports is told, and they stay.
fn collect(
    root: &Path,
    partitions: &[&str],
    log: &Logger,
    limit: usize,
) -> (Vec<Report>, Vec<String>) {
    let (mut reports, mut bytes) = (Vec::new(), 0);
    for (number, partition) in partitions.iter().enumerate() {
        let log = log.named(partition);
        for place in Place::ALL {
            let path = place.path(root, partition);
            let opened = place.open(root, partition);
            for (name, text) in valid_documents(opened, &path, Schema::Partition, &log) {
                bytes += text.len();
                if bytes > limit {
                    log.warning(
                        "There are too many usage reports: the rest is sent by the next run",
                    );
                    let left_out = partitions[number..].iter();
                    return (reports, left_out.map(ToString::to_string).collect());
                }
                let source = Source::new(partition, place, &name, text.as_bytes());
                reports.push(Report { source, text });
            }
        }
    }
    (reports, Vec::new())
}

/// Returns the valid documents in a directory with their names, one at a time.
fn valid_documents<'a>(
    opened: std::io::Result<Option<ForeignDirectory>>,
    path: &'a Path,
    schema: Schema,
    log: &'a Logger,
) -> impl Iterator<Item = (String, String)> + 'a {
    let listed = opened.and_then(|directory| {
        let names = match &directory {
            Some(directory) => directory.names()?,
            None => Vec::new(),
        };
        Ok((directory, names))
    });
    let (directory, names) = listed.unwrap_or_else(|error| {
        log.warning(error_chain(&failed_to("list", path)(error)));
        (None, Vec::new())
    });
    names.into_iter().filter_map(move |name| {
        let file = path.join(&name);
        let contents = match directory.as_ref()?.read(&name, Schema::LIMIT + 1) {
            Ok(contents) => contents,
            Err(error) => {
                log.warning(error_chain(&failed_to("read", &file)(error)));
                return None;
            }
        };
        match schema.check_bytes(contents) {
            Ok(text) => Some((name, text)),
            Err(reason) => {
                log.warning(format!(
                    "The usage report `{}` is not valid and left as it is: {reason}",
                    file.display()
                ));
                None
            }
        }
    })
}

/// Sends what was measured of the computer: each document by itself.
fn deliver_computer(node: &Node) -> Result<(), String> {
    let root = &node.configuration.instance_root;
    let computer = node.configuration.computer_id.as_str();
    let path: PathBuf = root.join("var/xml_report").join(computer);
    let open = || ForeignDirectory::open(&root.join("var/xml_report"), &[computer]);
    let mut refusals = Vec::new();
    for (name, text) in valid_documents(open(), &path, Schema::Computer, &node.log) {
        let file = path.join(&name);
        match node.master.report_usage(computer, &text) {
            Ok(()) => {
                let removed = open().and_then(|directory| match directory {
                    Some(directory) => directory.remove(&name),
                    None => Ok(()),
                });
                removed.map_err(|error| error_chain(&failed_to("remove", &file)(error)))?;
            }
            // Whoever is away for one is away for the others.
            Err(error @ (SlapError::Connection { .. } | SlapError::Broken { .. })) => {
                return Err(refused(&error, &file));
            }
            Err(error) => refusals.push(refused(&error, &file)),
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    Err(refusals.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_too_much_for_a_document_is_known_to_be_left_out() {
        const USAGE: &str = "<consumption><movement><resource>r</resource><quantity>1</quantity><price>0</price><VAT/></movement></consumption>";
        let root = tempfile::tempdir().unwrap();
        let partitions = ["slappart0", "slappart1", "slappart2"];
        for partition in &partitions[..2] {
            let directory = Place::Partition.path(root.path(), partition);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("report"), USAGE).unwrap();
        }
        let log = Logger::silent();
        let collected = |limit| {
            let (reports, left_out) = collect(root.path(), &partitions, &log, limit);
            (reports.len(), left_out)
        };
        assert_eq!(collected(2 * USAGE.len()), (2, Vec::new()));
        let left_out = partitions[1..].iter().map(ToString::to_string).collect();
        assert_eq!(collected(2 * USAGE.len() - 1), (1, left_out));
    }
}
