//! The calls of supervisord that the node makes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::connection::post;
use super::xmlrpc::{Answer, AnswerError, Value, call_text, read_answer};

/// How long a call may take that supervisord answers at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long stopping a group may take: each process has a minute.
const STOPPING: Duration = Duration::from_secs(300);

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// Nobody answers.
    #[error("supervisord does not answer at `{}`: {source}", socket.display())]
    Connection {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// supervisord refuses.
    #[error("supervisord refuses {method}: {text}")]
    Fault {
        /// The call.
        method: &'static str,
        /// Its number for the reason.
        code: i64,
        /// Its text, such as `BAD_NAME: slappart0`.
        text: String,
    },
    /// The answer makes no sense.
    #[error("supervisord answers {method} with something else")]
    Answer {
        /// The call.
        method: &'static str,
        /// What is wrong with it.
        source: AnswerError,
    },
}

impl SupervisorError {
    /// Tells whether supervisord refused for this reason.
    pub fn is_fault(&self, name: &str) -> bool {
        matches!(self, SupervisorError::Fault { text, .. } if text.starts_with(name))
    }
}

/// A process as supervisord sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its state, such as `RUNNING`.
    pub state: String,
    /// What supervisord says about it, such as `pid 12, uptime 0:00:03`.
    pub description: String,
    /// Its number; 0 if it does not run.
    pub process: i64,
    /// Its exit code.
    pub exit_status: i64,
    /// When it was last started, in seconds since the epoch; 0 if never.
    pub started: i64,
}

impl ProcessInfo {
    /// Returns the name with which commands name it: `GROUP:NAME`, or the name
    /// alone for a process that is a group of its own.
    pub fn full_name(&self) -> String {
        if self.group == self.name {
            return self.name.clone();
        }
        format!("{}:{}", self.group, self.name)
    }

    /// Tells whether it runs or is about to.
    pub fn is_running(&self) -> bool {
        matches!(&*self.state, "RUNNING" | "STARTING" | "BACKOFF")
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.member(name)?.as_str().map(ToOwned::to_owned);
        let number = |name: &str| value.member(name).and_then(Value::as_integer);
        Some(ProcessInfo {
            group: text("group")?,
            name: text("name")?,
            state: text("statename")?,
            description: text("description").unwrap_or_default(),
            process: number("pid").unwrap_or(0),
            exit_status: number("exitstatus").unwrap_or(0),
            started: number("start").unwrap_or(0),
        })
    }
}

/// Groups whose configuration differs from what supervisord runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// What became of a process of a group that was started or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupResult {
    /// The process, with its group.
    pub name: String,
    /// 80 for success, else the number of a fault.
    pub status: i64,
    /// The words for it.
    pub description: String,
}

impl GroupResult {
    const SUCCESS: i64 = 80;
    const FAILED: i64 = 30;

    /// Tells whether it was done.
    pub fn is_success(&self) -> bool {
        self.status == Self::SUCCESS
    }

    pub(super) fn is_failed(&self) -> bool {
        self.status == Self::FAILED
    }

    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.member(name)?.as_str().map(ToOwned::to_owned);
        let (group, name) = (text("group")?, text("name")?);
        Some(GroupResult {
            name: if group == name {
                name
            } else {
                format!("{group}:{name}")
            },
            status: value.member("status")?.as_integer()?,
            description: text("description").unwrap_or_default(),
        })
    }
}

/// A supervisord, by its socket.
#[derive(Clone, Debug)]
pub struct Supervisor {
    socket: PathBuf,
    patience: Duration,
}

impl Supervisor {
    /// Names the one at this socket; it need not be there yet.
    pub fn at(socket: &Path) -> Self {
        Supervisor {
            socket: socket.to_owned(),
            patience: PATIENCE,
        }
    }

    /// Waits only this long for answers.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes any call.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn call(
        &self,
        method: &'static str,
        arguments: &[Value],
    ) -> Result<Value, SupervisorError> {
        let body = call_text(&format!("supervisor.{method}"), arguments);
        let patience = match method {
            "stopProcessGroup" | "stopProcess" | "stopAllProcesses" => STOPPING,
            _ => self.patience,
        };
        let answer = post(&self.socket, "/RPC2", &body, patience).map_err(|source| {
            SupervisorError::Connection {
                socket: self.socket.clone(),
                source,
            }
        })?;
        match read_answer(&answer) {
            Ok(Answer::Value(value)) => Ok(value),
            Ok(Answer::Fault { code, text }) => Err(SupervisorError::Fault { method, code, text }),
            Err(source) => Err(SupervisorError::Answer { method, source }),
        }
    }

    fn unexpected(method: &'static str) -> SupervisorError {
        let source = AnswerError::Form("another kind of value".to_owned());
        SupervisorError::Answer { method, source }
    }

    /// Returns the name of its state, such as `RUNNING`.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn state(&self) -> Result<String, SupervisorError> {
        let value = self.call("getState", &[])?;
        let name = value.member("statename").and_then(Value::as_str);
        Ok(name.ok_or_else(|| Self::unexpected("getState"))?.to_owned())
    }

    /// Looks at one process, named `GROUP:NAME`.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`]; a fault `BAD_NAME` if there is none.
    pub fn process(&self, name: &str) -> Result<ProcessInfo, SupervisorError> {
        let value = self.call("getProcessInfo", &[string(name)])?;
        ProcessInfo::of(&value).ok_or_else(|| Self::unexpected("getProcessInfo"))
    }

    /// Looks at all processes.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn processes(&self) -> Result<Vec<ProcessInfo>, SupervisorError> {
        let value = self.call("getAllProcessInfo", &[])?;
        let values = value.as_array();
        let values = values.ok_or_else(|| Self::unexpected("getAllProcessInfo"))?;
        Ok(values.iter().filter_map(ProcessInfo::of).collect())
    }

    pub(super) fn reload_configuration(&self) -> Result<Changes, SupervisorError> {
        const METHOD: &str = "reloadConfig";
        let value = self.call(METHOD, &[])?;
        let lists = value.as_array().and_then(|outer| outer.first()?.as_array());
        let lists = lists.ok_or_else(|| Self::unexpected(METHOD))?;
        let names = |index: usize| -> Option<Vec<String>> {
            let names = lists.get(index)?.as_array()?.iter();
            names.map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        match (names(0), names(1), names(2)) {
            (Some(added), Some(changed), Some(removed)) => Ok(Changes {
                added,
                changed,
                removed,
            }),
            _ => Err(Self::unexpected(METHOD)),
        }
    }

    fn group_call(
        &self,
        method: &'static str,
        arguments: &[Value],
    ) -> Result<Vec<GroupResult>, SupervisorError> {
        let value = self.call(method, arguments)?;
        let results = value.as_array().ok_or_else(|| Self::unexpected(method))?;
        Ok(results.iter().filter_map(GroupResult::of).collect())
    }

    /// Stops all processes of a group and waits for that.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn stop_group(&self, group: &str) -> Result<Vec<GroupResult>, SupervisorError> {
        self.group_call("stopProcessGroup", &[string(group)])
    }

    /// Starts all processes of a group without waiting.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`]; a fault `BAD_NAME` if there is no such group.
    pub fn start_group(&self, group: &str) -> Result<Vec<GroupResult>, SupervisorError> {
        self.group_call("startProcessGroup", &[string(group), Value::Boolean(false)])
    }

    /// Starts everything without waiting.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn start_all(&self) -> Result<Vec<GroupResult>, SupervisorError> {
        self.group_call("startAllProcesses", &[Value::Boolean(false)])
    }

    /// Stops everything and waits for that.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn stop_all(&self) -> Result<Vec<GroupResult>, SupervisorError> {
        self.group_call("stopAllProcesses", &[])
    }

    pub(super) fn add_group(&self, group: &str) -> Result<(), SupervisorError> {
        self.call("addProcessGroup", &[string(group)]).map(drop)
    }

    pub(super) fn remove_group(&self, group: &str) -> Result<(), SupervisorError> {
        self.call("removeProcessGroup", &[string(group)]).map(drop)
    }

    /// Starts a process and waits until it runs.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn start_process(&self, name: &str) -> Result<(), SupervisorError> {
        self.call("startProcess", &[string(name)]).map(drop)
    }

    /// Starts a process without waiting.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn begin_process(&self, name: &str) -> Result<(), SupervisorError> {
        self.call("startProcess", &[string(name), Value::Boolean(false)])
            .map(drop)
    }

    /// Stops a process and waits for that.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn stop_process(&self, name: &str) -> Result<(), SupervisorError> {
        self.call("stopProcess", &[string(name)]).map(drop)
    }

    /// Returns the last `length` bytes of what a process wrote.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn tail(&self, name: &str, length: i64) -> Result<String, SupervisorError> {
        const METHOD: &str = "readProcessStdoutLog";
        let offset = Value::Integer(-length);
        let value = self.call(METHOD, &[string(name), offset, Value::Integer(0)])?;
        let text = value.as_str().ok_or_else(|| Self::unexpected(METHOD))?;
        Ok(text.to_owned())
    }

    /// Ends supervisord with all its processes.
    ///
    /// # Errors
    ///
    /// See [`SupervisorError`].
    pub fn shutdown(&self) -> Result<(), SupervisorError> {
        self.call("shutdown", &[]).map(drop)
    }
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}
