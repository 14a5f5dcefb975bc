//! Building one release.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::budget::Budget;
use super::profile::release_profile;
use super::{Pass, ReleaseError, owner_of_root};
use crate::child::{Child, ChildFailure, Owner};
use crate::configuration::size::show_size;
use crate::files::{FileError, failed_to, free_space, remove_file, replace_file};
use crate::log::Logger;
use crate::node::Node;

impl Pass<'_> {
    /// Builds the release of `url` in `path` (`Software.install`).
    pub(super) fn build(
        &self,
        url: &str,
        path: &Path,
        force: bool,
        log: &Logger,
    ) -> Result<(), ReleaseError> {
        let node = self.node;
        log.info(format!("Installing software release {url} ..."));
        check_space(node, path)?;
        prepare(node, url, path)?;
        let _share = match &self.budget {
            None => None,
            Some(budget) => {
                let share = budget.share(&node.cancellation);
                Some(share.ok_or(ReleaseError::Interrupted)?)
            }
        };
        let child = Child {
            words: build_words(node, path, force),
            directory: path,
            home: path.to_owned(),
            owner: Owner::of(path)?,
            timeout: None,
            instance_root: None,
            jobs: self.budget.as_ref().map(Budget::jobs),
        };
        node.run(&child, log).map_err(|failure| {
            let output = match failure {
                ChildFailure::Cancelled => return ReleaseError::Interrupted,
                ChildFailure::Failed { output, .. } | ChildFailure::TimedOut { output, .. } => {
                    output
                }
                other => other.to_string(),
            };
            log.error(format!(
                "Failed to run buildout profile in directory '{}'",
                path.display()
            ));
            ReleaseError::Build {
                directory: path.to_owned(),
                output,
            }
        })?;
        // A node of slapos.core leaves this when it is killed.
        remove_file(&path.join("bin/buildout-bootstrap-skipped"))?;
        Ok(())
    }
}

fn check_space(node: &Node, path: &Path) -> Result<(), ReleaseError> {
    let required = node.configuration.software_min_free_space;
    let available = free_space(path)?;
    if available < required {
        return Err(ReleaseError::Space {
            path: path.to_owned(),
            available: show_size(available),
            required: show_size(required),
        });
    }
    Ok(())
}

/// Makes the directory with its profile.
fn prepare(node: &Node, url: &str, path: &Path) -> Result<(), ReleaseError> {
    let owner = owner_of_root(node);
    make_directory(path, owner, Some(0o755))?;
    copy_logins(node, path, owner)?;
    make_directory(&path.join("extends-cache"), owner, None)?;
    let profile = path.join("buildout.cfg");
    if !profile.exists() {
        let configuration = &node.configuration;
        let text = release_profile(
            url,
            &configuration.shared_part_list,
            &configuration.build_time_part_list,
        );
        replace_file(&profile, text.as_bytes(), 0o644, owner)?;
    }
    super::revision::note(node, url, &profile, owner)?;
    Ok(())
}

fn make_directory(
    path: &Path,
    owner: Option<(u32, u32)>,
    mode: Option<u32>,
) -> Result<(), FileError> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed_to("create directory", path)(error)),
    }
    if let Some(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(failed_to("set the mode of", path))?;
    }
    if let Some((user, group)) = owner {
        std::os::unix::fs::lchown(path, Some(user), Some(group))
            .map_err(failed_to("set the owner of", path))?;
    }
    Ok(())
}

/// Copies the logins of the user who owns the releases: the build's home
/// directory is the release's own.
fn copy_logins(node: &Node, path: &Path, owner: Option<(u32, u32)>) -> Result<(), FileError> {
    let copy = path.join(".netrc");
    let user = match owner {
        Some((user, _)) => user,
        None => node.surroundings.user,
    };
    let account = node.surroundings.accounts.by_number(user);
    let Some(account) = account else {
        return remove_file(&copy).map(drop);
    };
    let logins = Path::new(&account.home).join(".netrc");
    if logins == copy {
        return Ok(());
    }
    match fs::read(&logins) {
        Ok(text) => replace_file(&copy, &text, 0o600, owner),
        Err(_) => remove_file(&copy).map(drop),
    }
}

/// Returns the command line of the build.
fn build_words(node: &Node, path: &Path, force: bool) -> Vec<String> {
    let configuration = &node.configuration;
    let shown = path.display();
    let mut words = vec![
        node.surroundings.program.to_string_lossy().into_owned(),
        "buildout".to_owned(),
        // How people get into a build that failed.
        format!("--called={shown}/bin/buildout"),
    ];
    if configuration.buildout_debug {
        words.push("-D".to_owned());
    }
    words.push("-U".to_owned());
    if !configuration.buildout_override.has("extends-cache") {
        words.push(format!("buildout:extends-cache={shown}/extends-cache"));
    }
    words.push(format!("buildout:directory={shown}"));
    let cache = &configuration.networkcache;
    if [
        "signature-private-key-file",
        "upload-cache-url",
        "upload-dir-url",
    ]
    .iter()
    .any(|option| cache.get(*option).is_some_and(|value| !value.is_empty()))
    {
        words.push("buildout:networkcache-section=networkcache".to_owned());
    }
    let set = cache.iter().filter(|(_, value)| !value.is_empty());
    words.extend(set.map(|(option, value)| format!("networkcache:{option}={value}")));
    words.extend(configuration.buildout_override.assignments());
    if node.surroundings.user == 0 || node.surroundings.jobs == 1 {
        // The budget's pipe is root's, so each build has a part of it.
        let jobs = node.surroundings.jobs / configuration.parallel_releases;
        words.push(format!("buildout:jobs={}", jobs.max(1)));
    }
    if !force {
        words.push("-N".to_owned());
    }
    words.extend(["-c".to_owned(), format!("{shown}/buildout.cfg")]);
    words
}
