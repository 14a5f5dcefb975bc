use std::cell::Cell;
use std::path::PathBuf;

use super::super::computer::Partition;
use super::super::machine::tests::machine;
use super::*;

const ALL: NetworkWishes = NetworkWishes {
    create_tap: true,
    create_tun: true,
    tun_ipv6: true,
};

fn interface(ipv6_prefixshift: u32) -> Interface {
    Interface {
        name: "lan0".to_owned(),
        ipv4_local_network: "10.0.0.0/16".to_owned(),
        ipv6_interface: "lan0".to_owned(),
        ipv6_prefixshift,
    }
}

fn computer(partitions: usize) -> Computer {
    let partition = |index| Partition {
        name: format!("slappart{index}"),
        tap: Link::named(format!("slaptap{index}")),
        ..Partition::default()
    };
    Computer {
        reference: "COMP-1".to_owned(),
        interface: None,
        partitions: (0..partitions).map(partition).collect(),
        address: None,
        ipv6_interface: None,
        partition_has_ipv6_range: true,
        software_user: "slapsoft".to_owned(),
        tap_gateway_interface: String::new(),
        tap_ipv6: true,
        software_root: PathBuf::new(),
        instance_root: PathBuf::new(),
        instance_storage_home: None,
        os_type: String::new(),
        version: String::new(),
    }
}

/// Plans with chance that counts from 100.
fn plan_with(
    computer: &mut Computer,
    machine: &MachineNetwork,
    interface: &Interface,
    refused: &[&str],
) -> Result<Vec<String>, FormatError> {
    let count = Cell::new(99);
    let refused: BTreeSet<IpAddr> = refused.iter().map(|it| it.parse().unwrap()).collect();
    let planner = Planner {
        machine,
        interface,
        wishes: ALL,
        refused: &refused,
        random: &|| {
            count.set(count.get() + 1);
            count.get()
        },
        follows_network: true,
    };
    planner.plan(computer)
}

fn plan(computer: &mut Computer, machine: &MachineNetwork) -> Vec<String> {
    plan_with(computer, machine, &interface(16), &[]).unwrap()
}

fn addresses(computer: &Computer) -> Vec<String> {
    let addresses = computer.partitions.iter().flat_map(|it| &it.addresses);
    addresses.map(|it| it.ip.to_string()).collect()
}

#[test]
fn a_plan_stays_as_it_is() {
    let machine = machine(&[("lan0", &["2001:db8::9/64"])]);
    let mut computer = computer(2);
    assert_eq!(plan(&mut computer, &machine), [""; 0]);
    let expected = ["10.0.0.101", "2001:db8::2", "10.0.0.102", "2001:db8::3"];
    assert_eq!(addresses(&computer), expected);
    let planned = computer.clone();
    plan(&mut computer, &machine);
    assert_eq!(computer, planned);
    // Nor does it change once the machine has what was planned.
    let machine = super::super::machine::tests::machine(&[(
        "lan0",
        &[
            "2001:db8::2/64",
            "2001:db8::3/64",
            "2001:db8::9/64",
            "10.0.0.101/32",
        ],
    )]);
    plan(&mut computer, &machine);
    assert_eq!(computer, planned);
}

#[test]
fn what_somebody_has_is_not_taken() {
    let lan = ("lan0", &["2001:db8::3/64", "10.0.0.101/32"][..]);
    let machine = machine(&[lan, ("other", &["2001:db8::2/128", "10.0.0.102/8"])]);
    let mut computer = computer(3);
    let notes = plan_with(&mut computer, &machine, &interface(16), &["2001:db8::4"]).unwrap();
    // The first one is elsewhere, the second one is the computer's, the third one another machine's.
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes[0].contains("slappart0 because 2001:db8::2/64 is already taken"));
    let found = addresses(&computer);
    let unique: BTreeSet<_> = found.iter().collect();
    assert_eq!(unique.len(), 6);
    for taken in [
        "2001:db8::2",
        "2001:db8::3",
        "2001:db8::4",
        "10.0.0.101",
        "10.0.0.102",
    ] {
        assert!(!found.contains(&taken.to_owned()), "{found:?}");
    }
    // With another shift, what is chosen by chance could be somebody's range.
    let mut other = self::computer(1);
    let error = plan_with(&mut other, &machine, &interface(8), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("aborting because IPv6 prefixshift is 8 != 16")
    );
    assert!(error.hint().is_some());

    let counted = super::super::machine::tests::machine(&[
        lan,
        ("slaptap7", &["2001:db8::8001:ffff:ffff:ffff/80"]),
    ]);
    let mut computer = self::computer(1);
    plan(&mut computer, &counted);
    let tap = &computer.partitions[0].tap.ipv6;
    assert!(!tap.address.starts_with("2001:db8::8001:"), "{tap:?}");
    assert!(tap.address.ends_with(":ffff:ffff:ffff"), "{tap:?}");
    let planned = computer.clone();
    plan(&mut computer, &counted);
    assert_eq!(computer, planned);
}

#[test]
fn another_network_has_other_addresses() {
    let mut computer = computer(1);
    plan(&mut computer, &machine(&[("lan0", &["2001:db8::1/64"])]));
    let ranges = computer.partitions[0].ipv6_range;
    let notes = plan(&mut computer, &machine(&[("lan0", &["2001:db8:5::1/64"])]));
    assert!(notes[0].contains("Impossible to add old public IPv6 2001:db8::2"));
    assert_eq!(addresses(&computer), ["10.0.0.101", "2001:db8:5::2"]);
    let tap = &computer.partitions[0].tap.ipv6;
    assert_eq!(tap.address, "2001:db8:5:0:8001:ffff:ffff:ffff");
    assert_eq!(tap.network, "2001:db8:5:0:8001::1/80");
    assert_eq!(computer.address.unwrap().ip.to_string(), "2001:db8:5::1");
    // As upstream, a range is for ever.
    assert_eq!(computer.partitions[0].ipv6_range, ranges);
}

#[test]
fn partitions_share_addresses_of_tiny_networks_as_upstream_has_them() {
    for (network, expected) in [
        (
            "2001:db8::1/126",
            ["2001:db8::2", "2001:db8::3", "2001:db8::2"],
        ),
        (
            "2001:db8::1/127",
            ["2001:db8::", "2001:db8::1", "2001:db8::"],
        ),
        ("2001:db8::7/128", ["2001:db8::7"; 3]),
    ] {
        let mut computer = computer(3);
        computer.partition_has_ipv6_range = false;
        computer.tap_ipv6 = false;
        let lan = machine(&[("lan0", &[network])]);
        let planner = Planner {
            machine: &lan,
            interface: &interface(16),
            wishes: NetworkWishes {
                tun_ipv6: false,
                ..ALL
            },
            refused: &BTreeSet::new(),
            random: &|| 1,
            follows_network: true,
        };
        planner.plan(&mut computer).unwrap();
        let found = addresses(&computer);
        let found: Vec<&String> = found.iter().filter(|it| it.contains(':')).collect();
        assert_eq!(found, expected, "{network}");
        let error = plan_with(&mut self::computer(1), &lan, &interface(16), &[]).unwrap_err();
        assert!(matches!(error, FormatError::SmallNetwork { .. }), "{error}");
    }
}

#[test]
fn networks_of_tap_interfaces_differ_whatever_the_shift() {
    for shift in [8, 16, 20] {
        let mut computer = computer(3);
        let lan = machine(&[("lan0", &["2001:db8::1/64"])]);
        plan_with(&mut computer, &lan, &interface(shift), &[]).unwrap();
        let networks = computer.partitions.iter().map(|it| &it.tap.ipv6.network);
        assert_eq!(networks.collect::<BTreeSet<_>>().len(), 3, "{shift}");
    }
}

#[test]
fn networks_of_gateway_and_tun_are_counted_as_upstream_counts() {
    let lan = ("lan0", &["2001:db8::1/64"][..]);
    let mut computer = computer(5);
    computer.tap_gateway_interface = "gate0".to_owned();
    plan(
        &mut computer,
        &machine(&[lan, ("gate0", &["192.168.7.2/29"])]),
    );
    let taps = computer
        .partitions
        .iter()
        .map(|it| it.tap.ipv4.address.as_str());
    let taps: Vec<&str> = taps.collect();
    assert_eq!(taps, [1, 3, 4, 5, 6].map(|it| format!("192.168.7.{it}")));
    assert_eq!(computer.partitions[0].tap.ipv4.network, "192.168.7.0");
    let tun = computer.partitions[4].tun.as_ref().unwrap();
    assert_eq!(tun.ipv4.network, "172.24.0.1/255.254.0.0");
    assert_eq!(tun.ipv6.network, "2001:db8::c005:0:0:1/80");
    // Without the gateway, they have none.
    computer.tap_gateway_interface.clear();
    plan(&mut computer, &machine(&[lan]));
    assert_eq!(computer.partitions[0].tap.ipv4, Side::default());

    computer.tap_gateway_interface = "gate0".to_owned();
    for (gateway, message) in [
        (
            ("gate0", &["192.168.7.2/30"][..]),
            "Could not create 5 tap interfaces",
        ),
        (
            ("gate0", &[][..]),
            "Could not find IPv4 adress on interface gate0.",
        ),
        (
            ("gate1", &[][..]),
            "there is no interface gate0 (tap_gateway_interface)",
        ),
    ] {
        let machine = machine(&[lan, gateway]);
        let error = plan_with(&mut computer, &machine, &interface(16), &[]).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().is_some());
    }
}
