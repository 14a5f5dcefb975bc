//! What a plan says, and that the run does that.

use buildout_core::dialect::DialectName;
use buildout_core::run::{History, Plan, PlannedAction};

use super::scripted::{Script, mini, registry};
use super::site::Site;

const PROFILE: &str = "[buildout]\nparts = a b c old\n\
    [a]\nrecipe = mini\nx = ${data:x}\ntext = 1\n\
    [data]\nx = 1\ny = 2\ndeep = ${deeper:x}\n\
    [deeper]\nx = 1\ny = 2\n\
    [b]\nrecipe = mini\n\
    [c]\nrecipe = mini\nuses = ${a:out}\n\
    [old]\nrecipe = mini\n";

/// Returns what would be done with each part, with the first two reasons.
fn plan(site: &Site) -> Vec<String> {
    let (plan, events) = site.session(mini(), |session| {
        let settings = site.settings(session)?;
        Plan::new(session, &settings, &[])
    });
    assert!(events.is_empty(), "{events:?}");
    let plan = plan.unwrap();
    let changes = plan
        .parts
        .iter()
        .filter(|planned| planned.action.is_change());
    changes
        .map(|planned| {
            let reasons: Vec<String> = planned.reasons.iter().map(ToString::to_string).collect();
            let action = planned.action.name();
            format!("{action} {}: {}", planned.part, reasons.join("; "))
        })
        .collect()
}

/// Returns the same of the run that follows.
fn run(site: &Site) -> Vec<String> {
    let run = site.install(mini()).succeeded();
    let report = run.result.unwrap();
    let history = History::of(&site.path(""));
    let mut parts = report.uninstalled.clone();
    parts.retain(|part| !report.installed.contains(part));
    parts.extend(report.installed);
    parts.sort();
    parts
        .iter()
        .map(|part| {
            let past = history.part(part).unwrap();
            let reasons: Vec<String> = past.reasons.iter().map(ToString::to_string).collect();
            format!("{} {part}: {}", past.action.name(), reasons.join("; "))
        })
        .collect()
}

#[test]
fn the_run_does_what_the_plan_says_for_the_reasons_it_gives() {
    let never = "never installed";
    let cases: [(&str, &str, &[&str]); 9] = [
        ("", "", &[]),
        (
            "text = 1",
            "text = 2",
            &[
                "reinstall a: option `text` changed",
                "reinstall c: `a` changed: option `text` changed",
            ],
        ),
        (
            "[b]\n",
            "[b]\nnew = 1\n",
            &["reinstall b: option `new` is new"],
        ),
        (
            "text = 1\n",
            "",
            &[
                "reinstall a: option `text` is gone",
                "reinstall c: `a` changed: option `text` is gone",
            ],
        ),
        // The beginning is told, what follows from it comes later.
        (
            "[data]\nx = 1",
            "[data]\nx = 2",
            &[
                "reinstall a: `data` changed: option `x` changed; option `x` changed",
                "reinstall c: `data` changed: option `x` changed",
            ],
        ),
        (
            "[deeper]\nx = 1\ny = 2",
            "[deeper]\nx = 1\ny = 3",
            &[
                "reinstall a: `deeper` changed: option `y` changed",
                "reinstall c: `deeper` changed: option `y` changed",
            ],
        ),
        ("b c old", "b c", &["uninstall old: no longer wanted"]),
        (
            "c old",
            "c old new\n[new]\nrecipe = mini",
            &["install new: NEVER"],
        ),
        (
            "recipe = mini\nx",
            "recipe = mini\nz",
            &[
                "reinstall a: option `x` is gone; option `z` is new",
                "reinstall c: `a` changed: option `x` is gone",
            ],
        ),
    ];
    for (from, to, expected) in cases {
        let site = Site::new(PROFILE);
        site.install(mini()).succeeded();
        site.edit(from, to);
        let mut expected: Vec<String> = expected
            .iter()
            .map(|line| line.replace("NEVER", never))
            .collect();
        let mut planned = plan(&site);
        planned.sort_by(|a, b| a.split(' ').nth(1).cmp(&b.split(' ').nth(1)));
        expected.sort_by(|a, b| a.split(' ').nth(1).cmp(&b.split(' ').nth(1)));
        assert_eq!(planned, expected, "{from} -> {to}");
        assert_eq!(run(&site), expected, "{from} -> {to}: the run");
        assert!(plan(&site).is_empty(), "{from} -> {to}: again");
    }
}

#[test]
fn a_missing_file_and_another_recipe_are_reasons() {
    let site = Site::new(PROFILE);
    site.install(mini()).succeeded();
    let out = site.path("parts/b.txt");
    std::fs::remove_file(&out).unwrap();
    let path = out.display();
    assert_eq!(plan(&site), [format!("reinstall b: `{path}` is missing")]);
    site.install(mini()).succeeded();
    let other = registry([("mini", Script::new().version(7))]);
    let (plan, _) = site.session(other, |session| {
        let settings = site.settings(session)?;
        Plan::new(session, &settings, &[])
    });
    let plan = plan.unwrap();
    assert!(plan.has_changes());
    let planned = plan.part("b").unwrap();
    assert_eq!(planned.action, PlannedAction::Reinstall);
    let reason = planned.reasons[0].to_string();
    assert_eq!(
        reason,
        "recipe changed from mini:default:0 to mini:default:7"
    );
}

#[test]
fn a_fresh_directory_is_not_touched() {
    for dialect in DialectName::ALL {
        let site = Site::new(PROFILE).dialect(dialect);
        let planned = plan(&site);
        assert_eq!(planned.len(), 4);
        assert!(planned[0].starts_with("install a: never installed"));
        let entries = std::fs::read_dir(site.path("")).unwrap().count();
        assert_eq!(entries, 1, "only the profile is there");
    }
}
