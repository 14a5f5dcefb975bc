//! The Python sources that this crate brings.

/// What Python is started with: it reads the rest from its connection.
pub(crate) const BOOTSTRAP: &str = include_str!("../python/bootstrap.py");

/// The module that hosts recipes.
pub(crate) const CHILD: &str = include_str!("../python/child.py");

/// The modules that recipes import, by name.
pub(crate) const MODULES: [(&str, &str); 9] = [
    (
        "zc.buildout",
        include_str!("../python/zc/buildout/__init__.py"),
    ),
    (
        "zc.buildout._engine",
        include_str!("../python/zc/buildout/_engine.py"),
    ),
    (
        "zc.buildout._typed",
        include_str!("../python/zc/buildout/_typed.py"),
    ),
    (
        "zc.buildout.buildout",
        include_str!("../python/zc/buildout/buildout.py"),
    ),
    (
        "zc.buildout.configparser",
        include_str!("../python/zc/buildout/configparser.py"),
    ),
    (
        "zc.buildout.download",
        include_str!("../python/zc/buildout/download.py"),
    ),
    (
        "zc.buildout.easy_install",
        include_str!("../python/zc/buildout/easy_install.py"),
    ),
    (
        "zc.buildout.rmtree",
        include_str!("../python/zc/buildout/rmtree.py"),
    ),
    (
        "zc.recipe.egg",
        include_str!("../python/zc/recipe/egg/__init__.py"),
    ),
];
