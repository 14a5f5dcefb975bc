//! Rules of the firewall, as the words of `firewall-cmd` that slapos.core
//! writes: which there are for an address, and which a recorded text is.

use std::fmt;
use std::net::Ipv4Addr;

/// What all rules begin with.
const BEGINNING: [&str; 5] = ["--permanent", "--direct", "--add-rule", "ipv4", "filter"];

/// What is asked or changed about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Query,
    Add,
    Remove,
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Act::Query => "--query-rule",
            Act::Add => "--add-rule",
            Act::Remove => "--remove-rule",
        }
    }
}

/// An address or a network, as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source(String);

impl Source {
    /// Reads an IPv4 address, with the length of a prefix or a mask if it is a
    /// network. The text is kept: the same text is the same rule.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, rest) = match text.split_once('/') {
            Some((address, rest)) => (address, Some(rest)),
            None => (text, None),
        };
        address.parse::<Ipv4Addr>().ok()?;
        let is_network = |rest: &str| {
            let is_plain = rest.bytes().all(|byte| byte.is_ascii_digit());
            (is_plain && rest.parse::<u8>().is_ok_and(|length| length <= 32))
                || rest.parse::<Ipv4Addr>().is_ok()
        };
        rest.is_none_or(is_network).then(|| Source(text.to_owned()))
    }
}

impl From<Ipv4Addr> for Source {
    fn from(address: Ipv4Addr) -> Self {
        Source(address.to_string())
    }
}

/// A direct rule of firewalld about what comes to an address of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    chain: &'static str,
    priority: u16,
    source: Option<Source>,
    destination: Ipv4Addr,
    /// Whether it is about connections that there are already.
    is_established: bool,
    target: &'static str,
}

const CHAINS: [&str; 2] = ["INPUT", "FORWARD"];
const ACCEPT: &str = "ACCEPT";
const REJECT: &str = "REJECT";
const TARGETS: [&str; 2] = [ACCEPT, REJECT];
const ESTABLISHED: [&str; 4] = ["-m", "state", "--state", "ESTABLISHED,RELATED"];

impl Rule {
    /// Reads what [`Display`](fmt::Display) writes; none if it is anything
    /// else. What was recorded in a partition becomes words of a command only
    /// through this.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [chain, priority, rest @ ..] = words.strip_prefix(&BEGINNING)? else {
            return None;
        };
        let (source, rest) = match rest {
            ["-s", source, rest @ ..] => (Some(Source::parse(source)?), rest),
            rest => (None, rest),
        };
        let ["-d", destination, rest @ ..] = rest else {
            return None;
        };
        let (is_established, rest) = match rest.strip_prefix(&ESTABLISHED) {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let ["-j", target] = rest else {
            return None;
        };
        Some(Rule {
            chain: CHAINS.into_iter().find(|it| it == chain)?,
            priority: priority.parse().ok()?,
            source,
            destination: destination.parse().ok()?,
            is_established,
            target: TARGETS.into_iter().find(|it| it == target)?,
        })
    }

    /// Returns the words that follow `firewall_cmd`.
    pub(super) fn words(&self, act: Act) -> Vec<String> {
        let [permanent, direct, _, kind, table] = BEGINNING;
        let mut words = vec![permanent, direct, act.word(), kind, table, self.chain];
        let (priority, destination) = (self.priority.to_string(), self.destination.to_string());
        words.push(&priority);
        if let Some(Source(source)) = &self.source {
            words.extend(["-s", source]);
        }
        words.extend(["-d", &destination]);
        if self.is_established {
            words.extend(ESTABLISHED);
        }
        words.extend(["-j", self.target]);
        words.into_iter().map(ToOwned::to_owned).collect()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words(Act::Add).join(" "))
    }
}

/// Who reaches the addresses of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Only these.
    Only(Vec<Source>),
    /// Everybody but some.
    AllBut {
        /// Who does not.
        rejected: Vec<Source>,
        /// Who does in any case.
        accepted: Vec<Source>,
    },
}

impl Access {
    /// Returns the rules for an address, in upstream's order
    /// (`_getFirewallAcceptRules`, `_getFirewallRejectRules`).
    pub(super) fn rules(&self, destination: Ipv4Addr) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut add = |priority, source: Option<&Source>, is_established, target| {
            rules.extend(CHAINS.map(|chain| Rule {
                chain,
                priority,
                source: source.cloned(),
                destination,
                is_established,
                target,
            }));
        };
        match self {
            Access::Only(accepted) => {
                for source in accepted {
                    add(0, Some(source), false, ACCEPT);
                }
                add(1000, None, false, REJECT);
                add(900, None, true, REJECT);
            }
            Access::AllBut { rejected, accepted } => {
                for source in rejected {
                    add(800, Some(source), true, REJECT);
                    add(900, Some(source), false, REJECT);
                }
                for source in accepted {
                    add(0, Some(source), false, ACCEPT);
                }
            }
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::parse(text).unwrap()
    }

    #[test]
    fn rules_are_read_as_they_are_written() {
        let own = Ipv4Addr::new(10, 0, 0, 1);
        let access = [
            Access::Only(vec![source("10.0.0.2"), source("10.1.0.0/16")]),
            Access::AllBut {
                rejected: vec![source("10.2.0.0/255.255.0.0")],
                accepted: vec![source("10.0.0.2")],
            },
        ];
        let rules: Vec<Rule> = access.iter().flat_map(|it| it.rules(own)).collect();
        assert_eq!(rules.len(), 8 + 6);
        for rule in &rules {
            assert_eq!(Rule::parse(&rule.to_string()).as_ref(), Some(rule));
        }
        assert_eq!(
            rules[0].to_string(),
            "--permanent --direct --add-rule ipv4 filter INPUT 0 -s 10.0.0.2 -d 10.0.0.1 -j ACCEPT"
        );
        assert_eq!(
            rules[9].words(Act::Remove).join(" "),
            "--permanent --direct --remove-rule ipv4 filter FORWARD 800 -s 10.2.0.0/255.255.0.0 -d 10.0.0.1 -m state --state ESTABLISHED,RELATED -j REJECT"
        );
    }

    #[test]
    fn what_is_no_rule_becomes_no_command() {
        let good = "--permanent --direct --add-rule ipv4 filter INPUT 0 -d 10.0.0.1 -j ACCEPT";
        assert!(Rule::parse(good).is_some());
        for (from, to) in [
            ("INPUT", "OUTPUT"),
            ("ACCEPT", "DROP"),
            ("10.0.0.1", "10.0.0.1;reboot"),
            ("-d 10.0.0.1", "-s $(reboot) -d 10.0.0.1"),
            ("--add-rule", "--add-passthrough"),
            ("INPUT 0", "INPUT -1"),
            ("ACCEPT", "ACCEPT -v"),
            ("-d 10.0.0.1 ", ""),
        ] {
            assert_eq!(Rule::parse(&good.replace(from, to)), None, "{to}");
        }
        for text in [
            "",
            "10.0.0",
            "10.0.0.1/33",
            "10.0.0.1/+8",
            "10.0.0.1/",
            "::1",
            " 10.0.0.1",
        ] {
            assert_eq!(Source::parse(text), None, "{text}");
        }
    }
}
