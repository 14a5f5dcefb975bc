//! What a master says about a computer with many instances.

use buildout_core::value::{Dict, Value};
use slap::marshal::{Item, MarshalError, Object, dumps_item};

/// Returns the answer to `getFullComputerInformation` for a computer with one
/// release, and so many partitions with an instance of it each. It has all the
/// attributes that `slapos proxy` sends.
///
/// # Errors
/// A text has no form in XML.
pub fn computer_document(
    computer_id: &str,
    release: &str,
    partitions: usize,
) -> Result<String, MarshalError> {
    let partitions = (0..partitions).map(|number| {
        let name = format!("slappart{number}");
        let state = vec![
            ("_computer_id", text(computer_id)),
            ("_connection_dict", Value::Dict(Dict::new()).into()),
            ("_instance_guid", text(&format!("{computer_id}-{name}"))),
            ("_need_modification", Value::Int(1).into()),
            (
                "_parameter_dict",
                Value::Dict(parameters(computer_id, &name, release)).into(),
            ),
            ("_partition_id", text(&name)),
            ("_request_dict", Value::None.into()),
            ("_requested_state", text("started")),
            (
                "_software_release_document",
                software_release(computer_id, release),
            ),
        ];
        object(
            "ComputerPartition",
            vec![text(computer_id), text(&name), Value::None.into()],
            state,
        )
    });
    let state = vec![
        ("_computer_id", text(computer_id)),
        ("_computer_partition_list", Item::list(partitions.collect())),
        (
            "_software_release_list",
            Item::list(vec![software_release(computer_id, release)]),
        ),
    ];
    dumps_item(&object("Computer", vec![text(computer_id)], state))
}

fn parameters(computer_id: &str, name: &str, release: &str) -> Dict {
    let mut parameters = Dict::new();
    let address = |address: &str| Value::Tuple(vec![Value::from(name), Value::from(address)]);
    parameters.insert_str("full_address_list", Vec::<Value>::new());
    parameters.insert_str("instance_title", name);
    parameters.insert_str("ip_list", vec![address("127.0.0.1"), address("::1")]);
    parameters.insert_str("root_instance_title", name);
    parameters.insert_str("slap_computer_id", computer_id);
    parameters.insert_str("slap_computer_partition_id", name);
    parameters.insert_str("slap_software_release_url", release);
    parameters.insert_str("slap_software_type", "default");
    parameters.insert_str("slave_instance_list", Vec::<Value>::new());
    parameters.insert_str("timestamp", "1795310594.8155599");
    parameters
}

fn software_release(computer_id: &str, release: &str) -> Item {
    let state = vec![
        ("_computer_guid", text(computer_id)),
        ("_requested_state", text("available")),
        ("_software_instance_list", Value::List(Vec::new()).into()),
        ("_software_release", text(release)),
    ];
    object(
        "SoftwareRelease",
        vec![text(release), text(computer_id)],
        state,
    )
}

fn object(class: &str, arguments: Vec<Item>, state: Vec<(&str, Item)>) -> Item {
    Item::Object(Object {
        class: class.to_owned(),
        arguments,
        state: state
            .into_iter()
            .map(|(name, item)| (Value::from(name), item))
            .collect(),
    })
}

fn text(text: &str) -> Item {
    Item::Plain(Value::from(text))
}

#[cfg(test)]
mod tests {
    use slap::{Master as _, ReplayMaster};

    use super::*;

    #[test]
    fn our_client_reads_the_document() {
        let document = computer_document("local", "/software.cfg", 3).unwrap();
        let master = ReplayMaster::new().with("getFullComputerInformation", document);
        let computer = master.full_computer_information("local").unwrap();
        assert_eq!(computer.partitions.len(), 3);
        let partition = &computer.partitions[2];
        assert_eq!(partition.reference.partition_id, "slappart2");
        assert_eq!(partition.state().unwrap(), "started");
        assert_eq!(partition.timestamp().as_deref(), Some("1795310594.8155599"));
        assert_eq!(computer.software_releases[0].url, "/software.cfg");
    }
}
