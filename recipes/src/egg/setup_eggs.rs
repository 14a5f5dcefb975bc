//! `setup-eggs`: what a build needs, by name.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::profile::python_text::{split_lines, strip};
use buildout_core::recipe::{
    DistributionBasis, Environment, PartRun, PlannedDistributions, RecipeError,
};
use buildout_eggs::settings::WheelPolicy;
use buildout_eggs::source::{BuildSettings, Isolation};

use super::run::EggRun;
use crate::environment::Variables;
use crate::live_options::LiveOptions as _;

/// The option.
const OPTION: &str = "setup-eggs";

fn setup_eggs(run: &PartRun<'_>) -> Result<Vec<String>, RecipeError> {
    let text = run.read(OPTION)?.unwrap_or_default();
    let lines = split_lines(&text).into_iter().map(strip);
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect())
}

/// Returns what the setup eggs of a part are going to take.
pub(super) fn plan_setup_eggs(
    run: &PartRun<'_>,
    shared: &EggRun,
    basis: DistributionBasis,
) -> Result<PlannedDistributions, RecipeError> {
    let requirements = setup_eggs(run)?;
    if requirements.is_empty() {
        return Ok(PlannedDistributions::default());
    }
    let search_path = [
        shared.develop_eggs_directory.clone(),
        shared.eggs_directory.clone(),
    ];
    shared
        .plan(run, &shared.settings, &search_path, &requirements, basis)
        .map_err(|error| error.at_option(OPTION))
}

/// Installs the setup eggs of a part and returns the settings of its build:
/// options of `build_ext`, variables, and paths.
///
/// Requirements of the project are resolved unless the part names its setup
/// eggs, or the profile is SlapOS's, whose builds get nothing else.
pub(super) fn build_settings(
    run: &PartRun<'_>,
    shared: &EggRun,
    build_ext: &[(String, String)],
    variables: &Variables,
) -> Result<BuildSettings, RecipeError> {
    let requirements = setup_eggs(run)?;
    let mut path: Vec<PathBuf> = Vec::new();
    if !requirements.is_empty() {
        let search_path = [
            shared.develop_eggs_directory.clone(),
            shared.eggs_directory.clone(),
        ];
        let found = shared
            .working_set(
                run,
                &Arc::clone(&shared.settings),
                &search_path,
                &shared.eggs_directory,
                &requirements,
                &|_| Ok(BuildSettings::default()),
            )
            .map_err(|error| error.at_option(OPTION))?;
        path.extend(found.iter().map(|egg| egg.location().to_owned()));
    }
    let isolation = match path.is_empty() && shared.settings.wheels == WheelPolicy::Any {
        true => Isolation::Resolved,
        false => Isolation::Named,
    };
    let variables = variables.values(run)?.into_iter();
    let variables: Environment = variables
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    Ok(BuildSettings {
        build_ext: build_ext.to_vec(),
        variables,
        path,
        isolation,
        patches: None,
    })
}
