//! One question to a master, and what it answers.

use std::fmt;

use crate::url::encode_fields;

/// How a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The fields are the query of the URL.
    Get,
    /// The fields are a form.
    Post,
    /// The body is JSON.
    PostJson,
}

/// A partition of a computer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionReference {
    /// The computer.
    pub computer_id: String,
    /// The partition, such as `slappart0`.
    pub partition_id: String,
}

impl PartitionReference {
    /// Names a partition.
    pub fn new(computer_id: impl Into<String>, partition_id: impl Into<String>) -> Self {
        PartitionReference {
            computer_id: computer_id.into(),
            partition_id: partition_id.into(),
        }
    }

    /// Returns the `Authorization` field that names the partition.
    pub fn authorization(&self) -> String {
        format!("X-SlapPartition {self}")
    }
}

/// Writes the partition as the `Authorization` field does.
impl fmt::Display for PartitionReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "computer_id={}, computer_partition_id={}",
            self.computer_id, self.partition_id
        )
    }
}

/// A question to a master.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// How it is asked.
    pub method: Method,
    /// The call, below the URL of the master.
    pub path: String,
    /// The fields, in order.
    pub fields: Vec<(&'static str, String)>,
    /// The body, if it is JSON.
    pub json: Option<String>,
    /// The partition in whose name it is asked.
    pub partition: Option<PartitionReference>,
}

impl Exchange {
    /// Asks with a query.
    pub fn get(path: &str, fields: Vec<(&'static str, String)>) -> Self {
        Exchange {
            method: Method::Get,
            path: path.to_owned(),
            fields,
            json: None,
            partition: None,
        }
    }

    /// Asks with a form.
    pub fn post(path: &str, fields: Vec<(&'static str, String)>) -> Self {
        Exchange {
            method: Method::Post,
            ..Self::get(path, fields)
        }
    }

    /// Asks with JSON.
    pub fn post_json(path: &str, json: String) -> Self {
        Exchange {
            method: Method::PostJson,
            json: Some(json),
            ..Self::get(path, Vec::new())
        }
    }

    /// Asks in the name of a partition.
    #[must_use]
    pub fn as_partition(mut self, partition: &PartitionReference) -> Self {
        self.partition = Some(partition.clone());
        self
    }

    /// Returns what follows the URL of the master: the path, with the query
    /// of a [`Method::Get`].
    pub fn target(&self) -> String {
        if self.method == Method::Get && !self.fields.is_empty() {
            format!("{}?{}", self.path, encode_fields(&self.fields))
        } else {
            self.path.clone()
        }
    }

    /// Returns the body; a [`Method::Get`] has none.
    pub fn body(&self) -> Option<String> {
        match self.method {
            Method::Get => None,
            Method::Post => Some(encode_fields(&self.fields)),
            Method::PostJson => Some(self.json.clone().unwrap_or_default()),
        }
    }
}

/// What a master answers, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The text.
    pub body: String,
    /// The URL that was asked, for messages; without a password.
    pub url: String,
}

impl Answer {
    /// An answer with status 200.
    pub fn ok(url: impl Into<String>, body: impl Into<String>) -> Self {
        Answer {
            status: 200,
            reason: "OK".to_owned(),
            body: body.into(),
            url: url.into(),
        }
    }
}
