//! Everything that can be said to a master.

use std::sync::Arc;

use buildout_core::value::{Dict, Value};

use crate::computer::{Computer, ComputerPartition};
use crate::error::SlapError;
use crate::exchange::{Answer, Exchange, PartitionReference};
use crate::instance::{InstanceRequest, SoftwareInstance};
use crate::marshal::{Item, UnmarshalError, dumps, loads, loads_item};

/// A master, as those who talk to it see it.
///
/// The provided methods are the calls of the protocol; implementations only
/// carry out one [`Exchange`] after the other, through HTTP
/// ([`HttpMaster`](crate::HttpMaster)), from memory
/// ([`ReplayMaster`](crate::ReplayMaster)), or by handing it on.
pub trait Master: Send + Sync {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// There is no answer. An answer that tells of a failure is an answer.
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError>;

    /// Asks once and expects success.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange), and what the status of the answer says.
    fn call(&self, exchange: &Exchange) -> Result<String, SlapError> {
        let answer = self.exchange(exchange)?;
        match failure_of(exchange, &answer) {
            None => Ok(answer.body),
            Some(error) => Err(error),
        }
    }

    /// Returns what a computer is to do (`getFullComputerInformation`, or
    /// `getComputerInformation` of a master that has no other).
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn full_computer_information(&self, computer_id: &str) -> Result<Computer, SlapError> {
        let fields = || vec![("computer_id", computer_id.to_owned())];
        let exchange = Exchange::get("getFullComputerInformation", fields());
        if computer_id.is_empty() {
            return Err(SlapError::NotFound {
                subject: "'getFullComputerInformation' {'computer_id': ''}".to_owned(),
                detail: String::new(),
            });
        }
        let (exchange, text) = match self.call(&exchange) {
            Err(error) if error.is_not_found() => {
                let exchange = Exchange::get("getComputerInformation", fields());
                let text = self.call(&exchange)?;
                (exchange, text)
            }
            result => (exchange, result?),
        };
        read(&exchange, &text, Computer::read)
    }

    /// Returns what a partition is to be (`registerComputerPartition`).
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn computer_partition(
        &self,
        partition: &PartitionReference,
    ) -> Result<ComputerPartition, SlapError> {
        if partition.computer_id.is_empty() || partition.partition_id.is_empty() {
            return Err(SlapError::NotFound {
                subject: partition.to_string(),
                detail: String::new(),
            });
        }
        let exchange = Exchange::get(
            "registerComputerPartition",
            vec![
                ("computer_reference", partition.computer_id.clone()),
                (
                    "computer_partition_reference",
                    partition.partition_id.clone(),
                ),
            ],
        );
        let text = self.call(&exchange)?;
        read(&exchange, &text, ComputerPartition::read)
    }

    /// Asks for an instance, in the name of a partition or as a user
    /// (`requestComputerPartition`).
    ///
    /// # Errors
    ///
    /// The call fails; [`SlapError::NotReady`] if the master has still to find
    /// a place for it.
    fn request(
        &self,
        requester: Option<&PartitionReference>,
        request: &InstanceRequest,
    ) -> Result<SoftwareInstance, SlapError> {
        let exchange = request.exchange(requester)?;
        let text = self.call(&exchange)?;
        read(&exchange, &text, SoftwareInstance::read)
    }

    /// Asks for a release on a computer, or for its removal (`supplySupply`):
    /// `available` or `destroyed`.
    ///
    /// # Errors
    ///
    /// The call fails.
    fn supply(&self, url: &str, computer_id: &str, state: &str) -> Result<String, SlapError> {
        let mut exchange = Exchange::post("supplySupply", release_fields(url, computer_id));
        exchange.fields.push(("state", state.to_owned()));
        self.call(&exchange).map_err(|error| match error {
            SlapError::NotFound { detail, .. } => SlapError::NotFound {
                subject: format!("Computer {computer_id} has not been found by SlapOS Master."),
                detail,
            },
            other => other,
        })
    }

    /// Reports that a release is being built (`buildingSoftwareRelease`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn building_software_release(&self, url: &str, computer_id: &str) -> Result<(), SlapError> {
        let exchange = Exchange::post("buildingSoftwareRelease", release_fields(url, computer_id));
        self.call(&exchange).map(drop)
    }

    /// Reports that a release is there (`availableSoftwareRelease`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn available_software_release(&self, url: &str, computer_id: &str) -> Result<(), SlapError> {
        let exchange = Exchange::post("availableSoftwareRelease", release_fields(url, computer_id));
        self.call(&exchange).map(drop)
    }

    /// Reports that a release is gone (`destroyedSoftwareRelease`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn destroyed_software_release(&self, url: &str, computer_id: &str) -> Result<(), SlapError> {
        let exchange = Exchange::post("destroyedSoftwareRelease", release_fields(url, computer_id));
        self.call(&exchange).map(drop)
    }

    /// Reports that a release cannot be built (`softwareReleaseError`).
    ///
    /// # Errors
    ///
    /// The call fails; upstream only logs that.
    fn software_release_error(
        &self,
        url: &str,
        computer_id: &str,
        error_log: &str,
    ) -> Result<(), SlapError> {
        let mut exchange = Exchange::post("softwareReleaseError", release_fields(url, computer_id));
        exchange.fields.push(("error_log", error_log.to_owned()));
        self.call(&exchange).map(drop)
    }

    /// Reports that an instance runs (`startedComputerPartition`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn started(&self, partition: &PartitionReference) -> Result<(), SlapError> {
        self.call(&for_partition("startedComputerPartition", partition))
            .map(drop)
    }

    /// Reports that an instance is stopped (`stoppedComputerPartition`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn stopped(&self, partition: &PartitionReference) -> Result<(), SlapError> {
        self.call(&for_partition("stoppedComputerPartition", partition))
            .map(drop)
    }

    /// Reports that an instance is gone (`destroyedComputerPartition`) and
    /// returns what the master says to it: `OK`, or why the partition is not
    /// free yet.
    ///
    /// # Errors
    ///
    /// The call fails.
    fn destroyed(&self, partition: &PartitionReference) -> Result<String, SlapError> {
        self.call(&for_partition("destroyedComputerPartition", partition))
    }

    /// Reports a failure of an instance, or of an entry of a shared one
    /// (`softwareInstanceError`).
    ///
    /// # Errors
    ///
    /// The call fails; upstream only logs that.
    fn instance_error(
        &self,
        partition: &PartitionReference,
        error_log: &str,
        slave_reference: Option<&str>,
    ) -> Result<(), SlapError> {
        let mut exchange = for_partition("softwareInstanceError", partition);
        exchange.fields.push(("error_log", error_log.to_owned()));
        push_slave(&mut exchange, slave_reference);
        self.call(&exchange).map(drop)
    }

    /// Has the whole tree of an instance processed again
    /// (`softwareInstanceBang`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn instance_bang(
        &self,
        partition: &PartitionReference,
        message: &str,
    ) -> Result<(), SlapError> {
        let mut exchange = for_partition("softwareInstanceBang", partition);
        exchange.fields.push(("message", message.to_owned()));
        self.call(&exchange).map(drop)
    }

    /// Renames an instance, or an entry of a shared one
    /// (`softwareInstanceRename`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn rename_instance(
        &self,
        partition: &PartitionReference,
        new_name: &str,
        slave_reference: Option<&str>,
    ) -> Result<(), SlapError> {
        let mut exchange = for_partition("softwareInstanceRename", partition);
        exchange.fields.push(("new_name", new_name.to_owned()));
        push_slave(&mut exchange, slave_reference);
        self.call(&exchange).map(drop)
    }

    /// Publishes what others need to use an instance, or an entry of a shared
    /// one (`setComputerPartitionConnectionXml`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn set_connection(
        &self,
        partition: &PartitionReference,
        connection: &Dict,
        slave_reference: Option<&str>,
    ) -> Result<(), SlapError> {
        let mut exchange = for_partition("setComputerPartitionConnectionXml", partition);
        let xml = dumps(&Value::Dict(connection.clone()))?;
        exchange.fields.push(("connection_xml", xml));
        // What is `None` in Python travels by its name.
        let slave_reference = slave_reference.unwrap_or("None").to_owned();
        exchange.fields.push(("slave_reference", slave_reference));
        self.call(&exchange).map(drop)
    }

    /// Tells which instances a partition has requested in this run, so that
    /// the others can be removed (`updateComputerPartitionRelatedInstanceList`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn set_related_instances(
        &self,
        partition: &PartitionReference,
        titles: &[String],
    ) -> Result<(), SlapError> {
        let mut exchange = for_partition("updateComputerPartitionRelatedInstanceList", partition);
        let titles = titles.iter().map(|title| Value::from(title.as_str()));
        let xml = dumps(&Value::List(titles.collect()))?;
        exchange.fields.push(("instance_reference_xml", xml));
        self.call(&exchange).map(drop)
    }

    /// Returns the certificate of a partition
    /// (`getComputerPartitionCertificate`).
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn partition_certificate(
        &self,
        partition: &PartitionReference,
    ) -> Result<Certificate, SlapError> {
        // Upstream loses the `Authorization` of what it asks with a query.
        let exchange = Exchange::get(
            "getComputerPartitionCertificate",
            partition_fields(partition),
        );
        let text = self.call(&exchange)?;
        read(&exchange, &text, Certificate::read)
    }

    /// Returns the status of a partition as the master words it
    /// (`getComputerPartitionStatus`).
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn partition_status(&self, partition: &PartitionReference) -> Result<Value, SlapError> {
        let exchange = Exchange::get("getComputerPartitionStatus", partition_fields(partition));
        self.plain(&exchange)
    }

    /// Returns the addresses of all instances of the tree that an instance
    /// belongs to (`getHostingSubscriptionIpList`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn tree_addresses(&self, partition: &PartitionReference) -> Result<Value, SlapError> {
        let exchange = Exchange::get("getHostingSubscriptionIpList", partition_fields(partition));
        self.plain(&exchange)
    }

    /// Has all instances of a computer processed again (`computerBang`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn computer_bang(&self, computer_id: &str, message: &str) -> Result<(), SlapError> {
        let fields = vec![
            ("computer_id", computer_id.to_owned()),
            ("message", message.to_owned()),
        ];
        self.call(&Exchange::post("computerBang", fields)).map(drop)
    }

    /// Reports what a computer used, as XML (`useComputer`); nothing is not
    /// reported.
    ///
    /// # Errors
    ///
    /// The call fails.
    fn report_usage(&self, computer_id: &str, usage: &str) -> Result<(), SlapError> {
        if usage.is_empty() {
            return Ok(());
        }
        let fields = vec![
            ("computer_id", computer_id.to_owned()),
            ("use_string", usage.to_owned()),
        ];
        self.call(&Exchange::post("useComputer", fields)).map(drop)
    }

    /// Describes a computer with its partitions and addresses
    /// (`loadComputerConfigurationFromXML`).
    ///
    /// # Errors
    ///
    /// The call fails.
    fn load_computer_configuration(&self, configuration: &Value) -> Result<(), SlapError> {
        let fields = vec![("xml", dumps(configuration)?)];
        self.call(&Exchange::post("loadComputerConfigurationFromXML", fields))
            .map(drop)
    }

    /// Returns the status of a computer as the master words it
    /// (`getComputerStatus`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn computer_status(&self, computer_id: &str) -> Result<Value, SlapError> {
        let fields = vec![("computer_id", computer_id.to_owned())];
        self.plain(&Exchange::get("getComputerStatus", fields))
    }

    /// Has a certificate made for a computer (`generateComputerCertificate`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn generate_computer_certificate(&self, computer_id: &str) -> Result<Certificate, SlapError> {
        let fields = vec![("computer_id", computer_id.to_owned())];
        let exchange = Exchange::post("generateComputerCertificate", fields);
        let text = self.call(&exchange)?;
        read(&exchange, &text, Certificate::read)
    }

    /// Has the certificate of a computer revoked
    /// (`revokeComputerCertificate`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn revoke_computer_certificate(&self, computer_id: &str) -> Result<(), SlapError> {
        let fields = vec![("computer_id", computer_id.to_owned())];
        self.call(&Exchange::post("revokeComputerCertificate", fields))
            .map(drop)
    }

    /// Asks for a new computer by its title and returns its identifier
    /// (`requestComputer`).
    ///
    /// # Errors
    ///
    /// The call fails; `slapos proxy` does not have it.
    fn request_computer(&self, title: &str) -> Result<Computer, SlapError> {
        let fields = vec![("computer_title", title.to_owned())];
        let exchange = Exchange::post("requestComputer", fields);
        let text = self.call(&exchange)?;
        read(&exchange, &text, Computer::read)
    }

    /// Returns the URLs of a product's releases, the best one first
    /// (`getSoftwareReleaseListFromSoftwareProduct`).
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn releases_of_product(&self, query: &ProductQuery<'_>) -> Result<Vec<String>, SlapError> {
        let field = match query {
            ProductQuery::Product(reference) => ("software_product_reference", *reference),
            ProductQuery::SameProductAs(url) => ("software_release_url", *url),
        };
        let fields = vec![(field.0, field.1.to_owned())];
        let exchange = Exchange::get("getSoftwareReleaseListFromSoftwareProduct", fields);
        match self.plain(&exchange)? {
            Value::List(urls) => Ok(urls.iter().map(Value::to_string).collect()),
            _ => Err(garbled(
                &exchange,
                UnmarshalError::Unexpected {
                    expected: "list of releases",
                },
            )),
        }
    }

    /// Returns what tells one process of `slapos proxy` from another
    /// (`getRunId`).
    ///
    /// # Errors
    ///
    /// The call fails; only `slapos proxy` has it.
    fn run_id(&self) -> Result<String, SlapError> {
        self.call(&Exchange::get("getRunId", Vec::new()))
    }

    /// Returns where the API for people's programs is (`getHateoasUrl`).
    ///
    /// # Errors
    ///
    /// The call fails; upstream goes on without.
    fn hateoas_url(&self) -> Result<String, SlapError> {
        self.call(&Exchange::get("getHateoasUrl", Vec::new()))
    }

    /// Asks once and reads a plain value.
    ///
    /// # Errors
    ///
    /// The call fails, or the answer makes no sense.
    fn plain(&self, exchange: &Exchange) -> Result<Value, SlapError> {
        let text = self.call(exchange)?;
        loads(&text).map_err(|source| garbled(exchange, source))
    }
}

impl<M: Master + ?Sized> Master for Arc<M> {
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError> {
        (**self).exchange(exchange)
    }
}

impl<M: Master + ?Sized> Master for &M {
    fn exchange(&self, exchange: &Exchange) -> Result<Answer, SlapError> {
        (**self).exchange(exchange)
    }
}

/// Whose releases are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductQuery<'a> {
    /// Those of a product.
    Product(&'a str),
    /// Those of the product that a release belongs to.
    SameProductAs(&'a str),
}

/// A certificate and its key, both in PEM form; empty from `slapos proxy`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Certificate {
    fn read(item: Item) -> Result<Self, UnmarshalError> {
        let expected = "certificate with its key";
        let Value::Dict(dict) = item.into_value()? else {
            return Err(UnmarshalError::Unexpected { expected });
        };
        let text = |name| {
            let value = dict.get_str(name).and_then(Value::as_str);
            let text = value.map(ToOwned::to_owned);
            text.ok_or(UnmarshalError::Unexpected { expected })
        };
        Ok(Certificate {
            certificate: text("certificate")?,
            key: text("key")?,
        })
    }
}

/// The key is not shown.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

fn release_fields(url: &str, computer_id: &str) -> Vec<(&'static str, String)> {
    vec![
        ("url", url.to_owned()),
        ("computer_id", computer_id.to_owned()),
    ]
}

fn partition_fields(partition: &PartitionReference) -> Vec<(&'static str, String)> {
    vec![
        ("computer_id", partition.computer_id.clone()),
        ("computer_partition_id", partition.partition_id.clone()),
    ]
}

fn for_partition(path: &str, partition: &PartitionReference) -> Exchange {
    Exchange::post(path, partition_fields(partition)).as_partition(partition)
}

fn push_slave(exchange: &mut Exchange, slave_reference: Option<&str>) {
    if let Some(reference) = slave_reference.filter(|reference| !reference.is_empty()) {
        let field = ("slave_reference", reference.to_owned());
        exchange.fields.push(field);
    }
}

fn read<T>(
    exchange: &Exchange,
    text: &str,
    convert: impl FnOnce(Item) -> Result<T, UnmarshalError>,
) -> Result<T, SlapError> {
    loads_item(text)
        .and_then(convert)
        .map_err(|source| garbled(exchange, source))
}

fn garbled(exchange: &Exchange, source: UnmarshalError) -> SlapError {
    SlapError::Garbled {
        path: exchange.path.clone(),
        source,
    }
}

/// Says what an answer's status means (`ConnectionHelper.do_request`).
pub(crate) fn failure_of(exchange: &Exchange, answer: &Answer) -> Option<SlapError> {
    let (status, reason, url) = (answer.status, answer.reason.clone(), answer.url.clone());
    let detail = detail_of(&answer.body);
    Some(match status {
        ..=399 => return None,
        404 => SlapError::NotFound {
            subject: url,
            detail,
        },
        408 => SlapError::NotReady {
            subject: exchange.path.clone(),
        },
        401 | 403 => SlapError::Unauthorized {
            status,
            reason,
            url,
            detail,
        },
        500 | 502 | 503 | 520 | 523 | 524 | 526 => SlapError::Server {
            status,
            reason,
            url,
            detail,
        },
        _ => SlapError::Status {
            status,
            reason,
            url,
            detail,
        },
    })
}

/// The longest text of a master that is worth showing, in characters.
const DETAIL_LIMIT: usize = 500;

/// Returns what an answer says to people: its text, the title of a JSON
/// document, or the first paragraph of a page.
fn detail_of(body: &str) -> String {
    let body = body.trim();
    let document = serde_json::from_str::<serde_json::Value>(body).ok();
    let title = document.as_ref().and_then(|it| it.get("title")?.as_str());
    let text = if let Some(title) = title {
        title.to_owned()
    } else if body.starts_with('<') {
        let paragraph = body.split_once("<p>").map_or("", |(_, rest)| rest);
        let paragraph = paragraph.split_once("</p>").map_or("", |(text, _)| text);
        // The ampersand last.
        let escapes = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&#39;", "'"),
            ("&#34;", "\""),
            ("&quot;", "\""),
            ("&amp;", "&"),
        ];
        escapes
            .into_iter()
            .fold(paragraph.to_owned(), |text, (from, to)| {
                text.replace(from, to)
            })
    } else {
        body.to_owned()
    };
    let mut detail: String = text.chars().take(DETAIL_LIMIT).collect();
    if detail.len() < text.len() {
        detail.push('…');
    }
    detail
}
