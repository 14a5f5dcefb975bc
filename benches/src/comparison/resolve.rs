//! Resolution of many references, in chains and in one long chain.

use std::time::Duration;

use super::{
    Bench, COLUMNS, ComparisonError, PROPORTION_TOLERANCE, Report, create_directory, write,
};
use crate::measure::measure;
use crate::table::{count, quotient};
use crate::workload::{CHAIN_END, chains, resolve_all};

const DEPTH: usize = 100;
const SECTIONS: [usize; 3] = [10_000, 20_000, 40_000];
/// References in the one long chain.
const LONG_CHAIN: usize = 100_000;

pub(super) fn run(bench: &Bench) -> Result<Report, ComparisonError> {
    let mut report = Report::new(
        "resolve",
        format!(
            "`buildout query --resolved --format json` of sections with reference chains {DEPTH} \
             deep, and of one chain of {} references. zc.buildout, which has no such query, \
             resolves the same chains on its way to `query buildout:parts`. Ratios are to ours \
             with {} sections. Wanted: time in proportion with {:.0} % of tolerance, and the \
             long chain resolved.",
            count(LONG_CHAIN as u128),
            count(SECTIONS[0] as u128),
            (PROPORTION_TOLERANCE - 1.0) * 100.0
        ),
        &COLUMNS,
    );
    let directory = bench.directory.join("resolve");
    create_directory(&directory)?;
    let mut base = None;
    let inputs = SECTIONS
        .map(|sections| (sections, DEPTH))
        .into_iter()
        .chain([(LONG_CHAIN + 1, LONG_CHAIN + 1)]);
    for (sections, depth) in inputs {
        let is_long_chain = depth > DEPTH;
        let name = format!("chains-{sections}.cfg");
        let peer_name = format!("peer-{sections}.cfg");
        write(&directory.join(&name), &chains(sections, depth))?;
        write(
            &directory.join(&peer_name),
            &resolve_all(&name, sections, depth),
        )?;
        let mut contenders = vec![bench.ours(
            &directory,
            &["-c", &name, "query", "--resolved", "--format", "json"],
        )];
        for peer in &bench.peers {
            contenders.push(bench.peer(
                peer,
                &directory,
                &["-c", &peer_name, "query", "buildout:parts"],
            ));
        }
        let output = contenders[0].output()?;
        let resolved = output.matches(CHAIN_END).count();
        for contender in &mut contenders {
            contender.label = if is_long_chain {
                format!(
                    "{}, one chain of {}",
                    contender.label,
                    count(LONG_CHAIN as u128)
                )
            } else {
                format!("{}, {} sections", contender.label, count(sections as u128))
            };
        }
        let all = measure(&contenders, bench.runs)?;
        let Some((ours, peers)) = all.split_first() else {
            continue;
        };
        let base = base.get_or_insert_with(|| ours.clone());
        let failure = report
            .verdict_on_failure(ours)
            .or_else(|| report.verdict_on_work("values resolved", sections, resolved));
        let verdict = match failure {
            Some(verdict) => verdict,
            None if is_long_chain => report.verdict(true, "exit code 0"),
            None if sections == SECTIONS[0] => String::new(),
            None => proportion(
                &mut report,
                ours.least_wall(),
                base.least_wall(),
                sections as f64 / SECTIONS[0] as f64,
            ),
        };
        report.row(ours, base, verdict);
        for peer in peers {
            report.row_beside(peer, base);
        }
    }
    Ok(report)
}

fn proportion(report: &mut Report, wall: Duration, base: Duration, times: f64) -> String {
    let wanted = PROPORTION_TOLERANCE * times;
    report.verdict(
        quotient(wall, base) <= wanted,
        format_args!("≤ {wanted:.2}×"),
    )
}
