//! `slapos.cookbook:userinfo`: who runs the buildout.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Recipe, RecipeError,
    ResultDocumentation, UpdateKind,
};
use nix::unistd::{Group, Uid, User, getgid, getuid};

use crate::documentation::{FunctionFactory, result};
use crate::only_options::OnlyOptions;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:userinfo",
    summary: "Tells about the user that runs the buildout, and their group.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: &[],
};

const RESULTS: &[ResultDocumentation] = &[
    result("pw-name", "The name of the user."),
    result("pw-uid", "Their number."),
    result(
        "pw-gid",
        "The number of their group in the database of users.",
    ),
    result("pw-dir", "Their home directory."),
    result("pw-shell", "Their shell."),
    result(
        "gr-name",
        "The name of the group that the buildout runs as.",
    ),
    result("gr-gid", "Its number."),
];

/// A number that the system's databases do not know.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("'getpwuid(): uid not found: {0}'")]
    User(Uid),
    #[error("'getgrgid(): gid not found: {0}'")]
    Group(nix::unistd::Gid),
}

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let failed = |errno: nix::Error| RecipeError::internal("OSError", errno);
    let (uid, gid) = (getuid(), getgid());
    let user = User::from_uid(uid).map_err(failed)?;
    let group = Group::from_gid(gid).map_err(failed)?;
    let unknown = |error: Unknown| {
        RecipeError::internal("KeyError", error)
            .at_option("recipe")
            .with_hint("add the user and the group to the system's databases")
    };
    let user = user.ok_or_else(|| unknown(Unknown::User(uid)))?;
    let group = group.ok_or_else(|| unknown(Unknown::Group(gid)))?;
    for (option, value) in [
        ("pw-name", user.name),
        ("pw-uid", user.uid.to_string()),
        ("pw-gid", user.gid.to_string()),
        ("pw-dir", user.dir.to_string_lossy().into_owned()),
        ("pw-shell", user.shell.to_string_lossy().into_owned()),
        ("gr-name", group.name),
        ("gr-gid", group.gid.to_string()),
    ] {
        part.set(option, &value)?;
    }
    Ok(Box::new(OnlyOptions))
}
