//! Processing one partition (`processComputerPartition`).

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::InstanceOptions;
use super::currency::Comparison;
use super::error::PartitionError;
use super::partition::{Partition, error_report, text_of};
use super::promises::PromiseTurn;
use super::state::release_periodicity;
use super::wanted::RequestedState;
use crate::child::error_chain;
use crate::log::{LogFile, LogSink};
use crate::promise::Check;

impl Partition<'_> {
    /// Makes the partition what the master wants, unless it is that already.
    pub(super) fn process(
        mut self,
        options: &InstanceOptions,
        turn: &PromiseTurn<'_>,
    ) -> Result<(), PartitionError> {
        let name = self.name().to_owned();
        self.log
            .debug(format!("Check if {name} requires processing..."));
        self.state.begin_transaction()?;
        let state = RequestedState::parse(&self.wanted.state);
        let is_started = state == Some(RequestedState::Started);
        // What is only stopped for now stays to be done.
        let timestamp = self
            .wanted
            .timestamp
            .as_deref()
            .filter(|_| !(options.force_stop && is_started));
        let default = self.node.configuration.maximum_periodicity;
        let periodicity = match self.release_path() {
            Some(release) => release_periodicity(&release, default),
            None => default,
        };
        let last = self.state.last_time();
        let comparison = Comparison {
            timestamp,
            last: last.as_ref(),
            periodicity,
            force: options.force || self.node.configuration.force,
            now: SystemTime::now(),
        };
        let Some(reason) = comparison.decide() else {
            if is_started {
                self.log.debug("Partition already up-to-date.");
                return self.check_anomalies(turn);
            }
            self.log.debug("Partition already up-to-date. skipping.");
            return Ok(());
        };
        self.state.clear_debris();
        self.state.forget_time()?;
        self.open_log()?;
        self.log
            .info(format!("Processing Computer Partition {name}."));
        let url = self.wanted.release.as_deref().unwrap_or("None");
        self.log.info(format!("  Software URL: {url}"));
        let release = self.release_path().map(|path| text_of(&path));
        let release = release.as_deref().unwrap_or("None");
        self.log.info(format!("  Software path: {release}"));
        self.log
            .info(format!("  Instance path: {}", self.path.display()));
        self.log.debug(format!("  Reason: {reason:?}"));
        let result = self.bring_about(state, options, turn);
        if let Err(error) = &result
            && !error.is_promise_failure()
        {
            self.leave_error(error, is_started, turn);
        }
        result?;
        if let Some(timestamp) = timestamp {
            self.state.remember_time(timestamp)?;
            self.settle_bangs()?;
        }
        Ok(())
    }

    /// Leaves an error where the partition's user finds it, and brings the
    /// results of its promises up to date, which an error may have changed.
    fn leave_error(&self, error: &PartitionError, is_started: bool, turn: &PromiseTurn<'_>) {
        if let Err(second) = self.state.leave_error(&error_chain(error)) {
            self.log.warning(error_chain(&second));
        }
        let tells_nothing = matches!(error, PartitionError::Promise(_)) || error.is_master_lost();
        if !is_started || tells_nothing || self.node.cancellation.is_cancelled() {
            return;
        }
        match self.check_promises(turn, Check::TEST) {
            Err(second) if !second.is_promise_failure() => {
                self.log.warning(error_chain(&second));
            }
            _ => {}
        }
    }

    /// From here on the partition's own log has all that is logged.
    fn open_log(&mut self) -> Result<(), PartitionError> {
        let owner = self.owner()?;
        let owner = (self.node.surroundings.user == 0).then_some((owner.user, owner.group));
        let file = LogFile::open_in(&self.path, owner)?;
        let file: Arc<dyn LogSink> = Arc::new(file);
        self.log = self.node.log.through(self.wanted.name(), file);
        Ok(())
    }

    fn bring_about(
        &self,
        state: Option<RequestedState>,
        options: &InstanceOptions,
        turn: &PromiseTurn<'_>,
    ) -> Result<(), PartitionError> {
        self.update_certificate()?;
        self.log
            .info(format!("  Instance status: {}", self.wanted.state));
        self.state.clear_error()?;
        match state {
            Some(RequestedState::Started) => {
                self.install()?;
                // Before services listen, which are started whatever becomes of
                // it.
                let protected = self.protect();
                if options.force_stop {
                    self.stop()?;
                } else {
                    self.start()?;
                }
                protected?;
                if !options.force_stop {
                    self.check_promises(turn, Check::TEST)?;
                    self.report_started()?;
                }
                self.end_transaction()
            }
            Some(RequestedState::Stopped) => {
                // It is stopped also if the rest went wrong; and installed
                // although it is stopped, to tell its children.
                let installed = self.install().and_then(|()| self.protect());
                self.stop()?;
                installed?;
                self.report_stopped();
                self.end_transaction()
            }
            Some(RequestedState::Destroyed) => {
                self.stop()?;
                self.remove_protection()?;
                self.report_stopped();
                Ok(())
            }
            None => Err(PartitionError::State {
                partition: self.name().to_owned(),
                state: self.wanted.state.clone(),
            }),
        }
    }

    /// Reports that the partition is stopped. Upstream takes no notice if that
    /// fails; the log does.
    pub(super) fn report_stopped(&self) {
        match self.node.master.stopped(&self.wanted.reference) {
            Ok(()) => {
                if let Err(error) = self.state.acknowledge("stopped") {
                    self.log.debug(error.to_string());
                }
            }
            Err(error) => self.log.warning(error_chain(&error)),
        }
    }

    /// Tells the master that a partition with nothing to do runs, if it may
    /// think otherwise. Masters that do not say what they think are told when
    /// the last report that they took was another one.
    pub(super) fn confirm_started(&self) -> Result<(), PartitionError> {
        let is_known = match self.wanted.has_error() {
            Some(has_error) => !has_error,
            None => self.state.acknowledged().as_deref() == Some("started"),
        };
        if is_known {
            return Ok(());
        }
        self.update_certificate()?;
        self.report_started()
    }

    /// Tells the master of an anomaly, unless it knows: one that does not say
    /// what it thinks is told when the last report that it took was another one.
    pub(super) fn report_anomaly(&self, text: &str) -> Result<(), PartitionError> {
        let is_known = match self.wanted.has_error() {
            Some(has_error) => has_error,
            None => self.state.acknowledged() == Some(error_report(text)),
        };
        if is_known {
            return Ok(());
        }
        self.update_certificate()?;
        self.report_error(text);
        Ok(())
    }

    /// Tells the master which instances were requested in this run.
    fn end_transaction(&self) -> Result<(), PartitionError> {
        let Some(titles) = self.state.requested_titles()? else {
            return Ok(());
        };
        let reference = &self.wanted.reference;
        match self.node.master.set_related_instances(reference, &titles) {
            Err(error) if error.is_not_found() => {
                self.log.warning(format!(
                    "NotFoundError: {error}. \nCannot send requested instance list to master. Please check if this feature is implemented on SlapOS Master."
                ));
                Ok(())
            }
            result => Ok(result?),
        }
    }
}

/// Removes what may be left in a free partition, and tells whether more is
/// there.
pub(super) fn clean_free(path: &Path) -> Result<bool, PartitionError> {
    crate::files::remove_tree_or_file(&path.join(".slapgrid"))?;
    crate::files::remove_tree_or_file(&path.join(".timestamp"))?;
    let names = crate::files::names_in(path)?;
    Ok(names.iter().any(|name| name != ".slapos-resource"))
}
