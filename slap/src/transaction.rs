//! The record of what an instance requests in one run, by which a node sees
//! what it no longer requests (`ComputerPartition._updateTransactionFile`).

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::SlapError;
use crate::exchange::{Answer, Exchange};
use crate::instance::REQUEST;
use crate::master::Master;

/// What the name of a partition's record starts with.
pub const TRANSACTION_FILE_PREFIX: &str = ".slapos-request-transaction-";

/// Returns the path of a partition's record below the directory of all
/// partitions.
pub fn transaction_file(instance_root: &Path, partition_id: &str) -> PathBuf {
    let name = format!("{TRANSACTION_FILE_PREFIX}{partition_id}");
    instance_root.join(partition_id).join(name)
}

/// A master that notes down what partitions request of it: a line with the
/// title of each instance. A partition that says anything has a record, maybe
/// an empty one.
///
/// A record that cannot be written is none, as upstream has it: the node then
/// takes nothing for no longer requested.
#[derive(Debug)]
pub struct RecordedRequests<M> {
    master: M,
    instance_root: PathBuf,
}

impl<M: Master> RecordedRequests<M> {
    /// Records below the directory of all partitions.
    pub fn new(master: M, instance_root: impl Into<PathBuf>) -> Self {
        RecordedRequests {
            master,
            instance_root: instance_root.into(),
        }
    }

    fn record(&self, exchange: &Exchange) -> io::Result<()> {
        let field = |name: &str| {
            let found = exchange.fields.iter().find(|(field, _)| *field == name);
            found.map(|(_, value)| value.as_str())
        };
        let partition_id = match &exchange.partition {
            Some(partition) => Some(partition.partition_id.as_str()),
            None => field("computer_partition_reference").or(field("computer_partition_id")),
        };
        let Some(partition_id) = partition_id else {
            return Ok(());
        };
        let path = transaction_file(&self.instance_root, partition_id);
        let mut file = File::options().append(true).create(true).open(path)?;
        match field("partition_reference") {
            Some(title) if exchange.path == REQUEST => writeln!(file, "{title}"),
            _ => Ok(()),
        }
    }
}

impl<M: Master> Master for RecordedRequests<M> {
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError> {
        // Upstream goes on without a record as well.
        let _ = self.record(exchange);
        self.master.exchange(exchange)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::exchange::PartitionReference;
    use crate::instance::InstanceRequest;
    use crate::replay::ReplayMaster;

    #[test]
    fn what_a_partition_requests_is_written_down() {
        let site = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(site.path().join("slappart0")).expect("it is ours");
        let replay = ReplayMaster::new().with("startedComputerPartition", "Ignored");
        let master = RecordedRequests::new(replay, site.path());
        let partition = PartitionReference::new("local", "slappart0");
        let record = || fs::read_to_string(transaction_file(site.path(), "slappart0"));
        assert!(record().is_err());
        master.started(&partition).expect("it is prepared");
        assert_eq!(record().expect("there is one"), "");
        for title in ["first", "second"] {
            let request = InstanceRequest::new("/software.cfg", title);
            // The record does not depend on what comes of the request.
            assert!(master.request(Some(&partition), &request).is_err());
        }
        assert_eq!(record().expect("there is one"), "first\nsecond\n");
        // A user's request is nobody's.
        let request = InstanceRequest::new("/software.cfg", "third");
        assert!(master.request(None, &request).is_err());
        assert_eq!(record().expect("there is one"), "first\nsecond\n");
        // A partition whose directory is missing has no record.
        let missing = PartitionReference::new("local", "slappart1");
        master.started(&missing).expect("it is prepared");
    }
}
