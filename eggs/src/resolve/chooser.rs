//! Which distribution is taken for one requirement.

use std::sync::Arc;

use crate::index::{Candidate, Index, Offer, WheelMetadataError, fits_python};
use crate::metadata::Metadata;
use crate::requirement::Requirement;
use crate::settings::EggSettings;
use crate::version::{Specifiers, Version, patch_marker};

use super::error::Problem;
use super::member::Member;
use super::supply::Inventory;

/// Chooses for single requirements. It changes nothing, so that it can be asked
/// ahead of the order of decisions, on other threads.
pub(super) struct Chooser {
    pub(super) settings: Arc<EggSettings>,
    pub(super) index: Arc<Index>,
    pub(super) inventory: Arc<dyn Inventory>,
    /// Whether wheels that are going to be installed are fetched before all is decided.
    pub(super) fetches_ahead: bool,
}

/// The largest wheel, in bytes, that is fetched for its metadata.
const SMALL_WHEEL: u64 = 512 * 1024;

/// What can be had for a requirement.
struct Available {
    candidate: Option<Arc<Candidate>>,
    /// What it was chosen from, if a page was asked for.
    offer: Option<Arc<Offer>>,
}

/// What is taken for a requirement.
pub(super) enum Choice {
    /// Something that is there.
    Have(Member),
    /// A file that has to be made a distribution.
    Get(Arc<Candidate>),
    /// Nothing will do. What was offered tells why.
    Nothing(Option<Arc<Offer>>),
}

impl Chooser {
    /// Restricts a requirement to what `[versions]` pins.
    pub(super) fn constrain(&self, requirement: &Requirement) -> Result<Requirement, Problem> {
        let project = requirement.name.canonical();
        let pin = self.settings.pins.get(project).map_err(Clone::clone)?;
        let Some(pin) = pin else {
            return Ok(requirement.clone());
        };
        match pin.constrain(&requirement.specifiers) {
            Ok(specifiers) => Ok(requirement.with(specifiers)),
            Err(version) => Err(Problem::NotAllowed {
                requirement: requirement.to_string(),
                project: project.to_owned(),
                version: version.to_owned(),
            }),
        }
    }

    /// Returns what is there of a project and satisfies a requirement, the best
    /// first.
    fn satisfying(&self, requirement: &Requirement) -> Result<Vec<Member>, Problem> {
        let installed = self
            .inventory
            .installed(&requirement.name)
            .map_err(Problem::Supply)?;
        let mut members: Vec<Member> = installed
            .into_iter()
            .filter_map(Member::there)
            .filter(|member| member.satisfies(requirement))
            .collect();
        members.sort_by(|left, right| right.compare(left));
        Ok(members)
    }

    /// Tells whether a requirement can be met without asking an index.
    /// Keeps `Installer._satisfied` up to where it would ask.
    fn settled(&self, requirement: &Requirement, have: &[Member]) -> Option<Member> {
        let best = have.first()?;
        if let Some(develop) = have.iter().find(|member| member.is_develop()) {
            return Some(develop.clone());
        }
        if requirement.specifiers.single_version().is_some() {
            return Some(best.clone());
        }
        let looks_for_newer = self.settings.newest && !self.settings.offline;
        (!looks_for_newer).then(|| self.best(have).clone())
    }

    /// Returns the best of what is there, which is not empty and sorted.
    fn best<'a>(&self, have: &'a [Member]) -> &'a Member {
        let is_final = |member: &&Member| !member.version.is_prerelease();
        have.iter()
            .find(is_final)
            .filter(|_| self.settings.prefer_final)
            .unwrap_or(&have[0])
    }

    /// Chooses; `before_asking` is called before the network may be used.
    /// Keeps `Installer._satisfied`.
    pub(super) fn choose(
        &self,
        requirement: &Requirement,
        before_asking: impl FnOnce(),
    ) -> Result<Choice, Problem> {
        let have = self.satisfying(requirement)?;
        if let Some(member) = self.settled(requirement, &have) {
            return Ok(Choice::Have(member));
        }
        if !self.settings.installs {
            return Ok(Choice::Nothing(None));
        }
        if !self.settings.offline {
            before_asking();
        }
        let available = self.available(requirement)?;
        let Some(candidate) = available.candidate else {
            return Ok(match have.is_empty() {
                true => Choice::Nothing(available.offer),
                false => Choice::Have(self.best(&have).clone()),
            });
        };
        if have.is_empty() {
            return Ok(Choice::Get(candidate));
        }
        let best = self.best(&have);
        let is_final = |version: &Version| !version.is_prerelease();
        let is_better = if self.settings.prefer_final
            && is_final(&best.version) != is_final(&candidate.version)
        {
            is_final(&candidate.version)
        } else {
            best.version < candidate.version
        };
        Ok(match is_better {
            true => Choice::Get(candidate),
            false => Choice::Have(best.clone()),
        })
    }

    /// Returns the best file for a requirement. Keeps `Installer._obtain`.
    fn available(&self, requirement: &Requirement) -> Result<Available, Problem> {
        if let Some(preferred) = self.index.preferred_offer(&requirement.name) {
            let best = self.best_of(requirement, &preferred)?;
            if best.is_some() {
                return Ok(Available {
                    candidate: best,
                    offer: None,
                });
            }
        }
        // Files of a released version do not change: where a wheel of the
        // version is known, its page is not read again.
        let is_exact = requirement
            .specifiers
            .single_version()
            .is_some_and(|version| !version.ends_with(".*"));
        if is_exact && let Some(kept) = self.index.kept_offer(&requirement.name) {
            let best = self.best_of(requirement, &kept)?;
            if best.as_ref().is_some_and(|best| best.is_wheel()) {
                return Ok(Available {
                    candidate: best,
                    offer: None,
                });
            }
        }
        let offer = self.index.offer(&requirement.name);
        Ok(Available {
            candidate: self.best_of(requirement, &offer)?,
            offer: Some(offer),
        })
    }

    fn best_of(
        &self,
        requirement: &Requirement,
        offer: &Offer,
    ) -> Result<Option<Arc<Candidate>>, Problem> {
        let mut candidates = self.acceptable(requirement, offer);
        loop {
            let Some(best) = self.best_candidate(&candidates) else {
                return Ok(None);
            };
            if self.suits_python(&best)? {
                return Ok(Some(best));
            }
            candidates.retain(|candidate| !Arc::ptr_eq(candidate, &best));
        }
    }

    /// Returns the files that satisfy a requirement and may be used.
    fn acceptable(&self, requirement: &Requirement, offer: &Offer) -> Vec<Arc<Candidate>> {
        let pinned = requirement.specifiers.single_version();
        // A patched version is made of the version itself.
        let patched = pinned.and_then(patch_marker).map(|(base, _)| base);
        let original = patched.and_then(Specifiers::exactly);
        let specifiers = original.as_ref().unwrap_or(&requirement.specifiers);
        let canonical = requirement.name.canonical();
        offer
            .candidates
            .iter()
            .filter(|candidate| {
                specifiers.contain(&candidate.version)
                    && (candidate.yanked.is_none()
                        || pinned.is_some_and(|pin| !pin.ends_with(".*")))
                    && (patched.is_none() || candidate.is_source())
                    && (patched.is_some()
                        || self
                            .settings
                            .allows_candidate(canonical, candidate.is_wheel()))
            })
            .cloned()
            .collect()
    }

    fn best_candidate(&self, candidates: &[Arc<Candidate>]) -> Option<Arc<Candidate>> {
        let newest = candidates
            .iter()
            .filter(|candidate| !candidate.version.is_prerelease())
            .map(|candidate| &candidate.version)
            .max()
            .filter(|_| self.settings.prefer_final)
            .or_else(|| candidates.iter().map(|candidate| &candidate.version).max())?;
        let of_newest = || {
            candidates
                .iter()
                .filter(|candidate| candidate.version == *newest)
        };
        of_newest()
            .filter(|candidate| self.index.is_archived(candidate))
            .max_by(|left, right| left.compare(right))
            .or_else(|| of_newest().max_by(|left, right| left.compare(right)))
            .cloned()
    }

    /// Tells whether a chosen wheel can be fetched before all is decided: if it is
    /// pinned, only a failure can keep it from being installed.
    pub(super) fn is_certain(&self, requirement: &Requirement, wheel: &Candidate) -> bool {
        let pinned = requirement.specifiers.single_version();
        self.fetches_ahead
            && pinned.is_some_and(|version| !version.ends_with(".*"))
            && wheel.is_of_network()
            && wheel.unverifiable.is_none()
    }

    /// Tells whether a chosen wheel is fetched and unpacked for its metadata: if it is
    /// certain and small, that is a question less, and it is wanted anyway.
    pub(super) fn is_fetched_for_metadata(
        &self,
        requirement: &Requirement,
        wheel: &Candidate,
    ) -> bool {
        let is_small = wheel.size.is_some_and(|size| size <= SMALL_WHEEL);
        is_small && self.is_certain(requirement, wheel)
    }

    /// Returns the metadata of a chosen wheel.
    pub(super) fn metadata(
        &self,
        requirement: &Requirement,
        wheel: &Candidate,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Arc<Metadata>, Arc<WheelMetadataError>> {
        if self.is_fetched_for_metadata(requirement, wheel) {
            self.index.unpack_ahead(wheel, is_wanted);
        }
        self.index.metadata(wheel)
    }

    /// Tells whether a file is for this Python, where no page says so: in a
    /// directory only the metadata do.
    fn suits_python(&self, candidate: &Candidate) -> Result<bool, Problem> {
        if candidate.requires_python.is_some() || !candidate.is_wheel() || candidate.is_of_network()
        {
            return Ok(true);
        }
        let metadata = self
            .index
            .metadata(candidate)
            .map_err(|source| Problem::Metadata {
                file: candidate.location.to_string(),
                source,
            })?;
        let python = self.index.python();
        Ok(fits_python(metadata.requires_python.as_deref(), python))
    }

    /// Returns why files are not used that would otherwise do.
    pub(super) fn refusals(&self, requirement: &Requirement, offer: &Offer) -> Vec<String> {
        let is_wanted = |version: &Version| requirement.specifiers.contain(version);
        let mut refusals = Vec::new();
        for candidate in &offer.candidates {
            if !is_wanted(&candidate.version) {
                continue;
            }
            let reason = if candidate.yanked.is_some() {
                "it was withdrawn and is not pinned with `==`"
            } else if !self
                .settings
                .allows_candidate(requirement.name.canonical(), candidate.is_wheel())
            {
                if candidate.is_wheel() {
                    "`wheels = pinned`, and no pin ends in `:whl`"
                } else {
                    "the pin ends in `:whl`"
                }
            } else {
                continue;
            };
            refusals.push(format!("{}: {reason}", candidate.file_name));
        }
        refusals
    }
}
