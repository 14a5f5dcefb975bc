//! Making an instance: the profile from the release's template, and its run.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::PartitionError;
use super::partition::{Partition, text_of};
use super::profile::{Tail, interpreter, tail_text};
use super::retention::Retention;
use crate::child::{Child, ChildFailure, Owner};
use crate::configuration::size::show_size;
use crate::files::{failed_to, free_space, names_in, read_text, remove_file, replace_file};

/// The longest template that is read.
const TEMPLATE_LIMIT: u64 = 64 * 1024 * 1024;

impl Partition<'_> {
    /// Makes the instance (`Partition.install`).
    pub(super) fn install(&self) -> Result<(), PartitionError> {
        let name = self.name();
        self.log
            .info(format!("Installing Computer Partition {name}..."));
        self.check_space()?;
        if !self.path.is_dir() {
            return Err(PartitionError::NoDirectory(self.path.clone()));
        }
        let url = self.wanted.release.clone().unwrap_or_default();
        let release = self.node.release_path(&url);
        let owner = self.owner()?;
        self.link_release(&release, owner)?;
        self.check_directory()?;
        if !release.exists() {
            return Err(PartitionError::NoRelease { url });
        }
        let template = find_template(&release, &url)?;
        self.write_profile(&template, &url, owner)?;
        self.bootstrap(&release, owner)?;
        self.run_profile(&release, owner)?;
        let delay = self.wanted.retention_delay.as_deref();
        Retention::of(&self.path).fix_delay(delay, &self.log)?;
        Ok(())
    }

    fn check_space(&self) -> Result<(), PartitionError> {
        let required = self.node.configuration.instance_min_free_space;
        let available = free_space(&self.path)?;
        if available < required {
            return Err(PartitionError::Space {
                path: self.path.clone(),
                available: show_size(available),
                required: show_size(required),
            });
        }
        Ok(())
    }

    /// Has `software_release` lead to the release. What is no link stays.
    fn link_release(&self, release: &Path, owner: Owner) -> Result<(), PartitionError> {
        let link = self.path.join("software_release");
        match fs::symlink_metadata(&link) {
            Ok(metadata) if !metadata.is_symlink() => {
                let shown = link.display();
                self.log
                    .debug(format!("Not a symlink: {shown}, has been ignored"));
                return Ok(());
            }
            Ok(_) if fs::read_link(&link).is_ok_and(|target| target == release) => return Ok(()),
            Ok(_) => {
                remove_file(&link)?;
            }
            Err(_) => {}
        }
        std::os::unix::fs::symlink(release, &link).map_err(failed_to("make the link", &link))?;
        if self.node.surroundings.user == 0 {
            std::os::unix::fs::lchown(&link, Some(owner.user), Some(owner.group))
                .map_err(failed_to("set the owner of", &link))?;
        }
        Ok(())
    }

    fn write_profile(
        &self,
        template: &Path,
        url: &str,
        owner: Owner,
    ) -> Result<(), PartitionError> {
        let mut text = read_text(template, TEMPLATE_LIMIT).map_err(failed_to("read", template))?;
        let configuration = &self.node.configuration;
        let (certificate, key) = self.certificate_files().unwrap_or_default();
        text.push_str("\n\n");
        text.push_str(&tail_text(&Tail {
            computer_id: &configuration.computer_id,
            partition_id: self.name(),
            server_url: &configuration.master_url,
            software_release_url: url,
            key_file: &text_of(&key),
            cert_file: &text_of(&certificate),
            shared_part_list: &configuration.shared_part_list,
            build_time_part_list: &configuration.build_time_part_list,
            requested_state: &self.wanted.state,
            storage_home: &configuration.instance_storage_home,
            global_ipv4_network: &configuration.ipv4_global_network,
        }));
        let profile = self.path.join("buildout.cfg");
        // The file stays the node's; the partition's group may read it.
        let writer = fs::symlink_metadata(&profile)
            .map_or_else(|_| self.node.surroundings.user, |metadata| metadata.uid());
        let owner = (self.node.surroundings.user == 0).then_some((writer, owner.group));
        replace_file(&profile, text.as_bytes(), 0o640, owner)?;
        Ok(())
    }

    /// Runs the release's `bin/bootstrap*`, if it has one.
    fn bootstrap(&self, release: &Path, owner: Owner) -> Result<(), PartitionError> {
        let bin = release.join("bin");
        let names = names_in(&bin)?;
        let mut candidates = names.iter().filter(|name| name.starts_with("bootstrap"));
        let Some(candidate) = candidates.next() else {
            let buildout = bin.join("buildout");
            let shown = buildout.display();
            self.log
                .info(format!("Falling back to default buildout '{shown}'"));
            return Ok(());
        };
        if candidates.next().is_some() {
            return Err(PartitionError::Bootstraps);
        }
        let script = bin.join(candidate);
        let beginning = read_text(&script, 4096).map_err(failed_to("read", &script))?;
        let first = beginning.lines().next().unwrap_or_default();
        let interpreter = first.strip_prefix("#!").unwrap_or_default();
        let mut words: Vec<String> = interpreter.split_whitespace().map(String::from).collect();
        words.push(text_of(&script));
        let accounts = &self.node.surroundings.accounts;
        let home = accounts.by_number(owner.user);
        let home = home.map_or_else(|| self.path.clone(), |account| PathBuf::from(&account.home));
        self.run_child(words, home, owner)
            .map_err(|failure| match failure {
                ChildFailure::Failed { output, .. } | ChildFailure::TimedOut { output, .. } => {
                    PartitionError::Bootstrap {
                        directory: self.path.clone(),
                        output,
                    }
                }
                other => PartitionError::Run(other),
            })
    }

    fn run_child(
        &self,
        words: Vec<String>,
        home: PathBuf,
        owner: Owner,
    ) -> Result<(), ChildFailure> {
        let child = Child {
            words,
            directory: &self.path,
            home,
            owner,
            timeout: self.node.configuration.partition_timeout,
            instance_root: Some(&self.node.configuration.instance_root),
            jobs: None,
        };
        self.node.run(&child, &self.log)
    }

    /// Runs the profile with this program, for the release's interpreter.
    fn run_profile(&self, release: &Path, owner: Owner) -> Result<(), PartitionError> {
        let script = release.join("bin/buildout");
        let mut words = vec![
            text_of(&self.node.surroundings.program),
            "buildout".to_owned(),
            format!("--called={}", script.display()),
        ];
        if self.node.configuration.buildout_debug {
            words.push("-D".to_owned());
        }
        words.push("-U".to_owned());
        if let Some(python) = release_interpreter(release) {
            words.push(format!("--python={python}"));
        }
        // An instance is made of what the release has: little to do at once.
        words.push("buildout:jobs=1".to_owned());
        words.extend(self.node.configuration.buildout_override.assignments());
        words.extend(["-c".to_owned(), text_of(&self.path.join("buildout.cfg"))]);
        let directory = self.path.clone();
        self.run_child(words, self.path.clone(), owner)
            .map_err(|failure| {
                let shown = directory.display();
                self.log.error(format!(
                    "Failed to run buildout profile in directory '{shown}'"
                ));
                match failure {
                    ChildFailure::Failed { output, .. } => {
                        PartitionError::Profile { directory, output }
                    }
                    ChildFailure::TimedOut { limit, output } => PartitionError::TimedOut {
                        directory,
                        output,
                        seconds: limit.as_secs(),
                    },
                    other => PartitionError::Run(other),
                }
            })
    }
}

/// Returns the Python that a release names.
pub(super) fn release_interpreter(release: &Path) -> Option<String> {
    let script = fs::read(release.join("bin/buildout")).ok()?;
    interpreter(&String::from_utf8_lossy(&script))
}

fn find_template(release: &Path, url: &str) -> Result<PathBuf, PartitionError> {
    let template = release.join("instance.cfg");
    for candidate in [template.clone(), release.join("template.cfg")] {
        match fs::metadata(&candidate) {
            Ok(_) => return Ok(candidate),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed_to("examine", &candidate)(error).into()),
        }
    }
    Err(PartitionError::NoTemplate {
        url: url.to_owned(),
        file: template,
    })
}
