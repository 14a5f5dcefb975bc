//! `buildout init REQUIREMENT...`: an interpreter in one step.

use crate::BOTH;
use crate::site::{Side, Site};

#[test]
fn init_makes_an_interpreter_as_upstream_does() {
    for version in BOTH {
        let site = Site::new(version);
        // Where distributions are comes from the user's defaults.
        let links = site.fixture("links");
        let empty = site.fixture("empty");
        site.write(
            "home/default.cfg",
            &format!(
                "[buildout]\nfind-links = {}\nindex = {}\n",
                links.display(),
                empty.display()
            ),
        );
        let [ours, theirs] = site.run(&["init", "demo <0.3", "./lib", "cc"]);
        assert_eq!(ours.told(), theirs.told(), "{version:?}");
        assert_eq!(
            site.read(Side::Ours, "buildout.cfg"),
            site.read(Side::Peer, "buildout.cfg")
        );
        assert_eq!(site.installed(Side::Ours), site.installed(Side::Peer));
        let words = [
            "-c",
            "import demo, sys; print([path.split('/')[-1][:4] for path in sys.path[:4]])",
        ];
        let [ours, theirs] = site.start("py", &words);
        assert_eq!(ours, theirs);
        let [ours, theirs] = site.run(&["init", "cc"]);
        let expected = "Error: '[BUILDOUT]/buildout.cfg' already exists.\n";
        for outcome in [ours, theirs] {
            assert!(outcome.text.contains(expected), "{}", outcome.text);
        }
    }
}
