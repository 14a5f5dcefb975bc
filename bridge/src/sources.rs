//! The Python sources that this crate brings.

/// What Python is started with: it reads the rest from its connection.
pub(crate) const BOOTSTRAP: &str = include_str!("../python/bootstrap.py");

/// The module that hosts recipes.
pub(crate) const CHILD: &str = include_str!("../python/child.py");

/// The modules that recipes import, by name.
pub(crate) const MODULES: [(&str, &str); 10] = [
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
    (
        "zc.recipe.egg.egg",
        include_str!("../python/zc/recipe/egg/egg.py"),
    ),
];

/// What makes a directory of several distributions one package.
const NAMESPACE: &str = "__path__ = __import__(\"pkgutil\").extend_path(__path__, __name__)\n";

/// The files of the distribution `zc.buildout`.
pub const ZC_BUILDOUT: &[(&str, &str)] = &[
    ("zc/__init__.py", NAMESPACE),
    ("zc/buildout/__init__.py", MODULES[0].1),
    ("zc/buildout/_engine.py", MODULES[1].1),
    ("zc/buildout/_typed.py", MODULES[2].1),
    ("zc/buildout/buildout.py", MODULES[3].1),
    ("zc/buildout/configparser.py", MODULES[4].1),
    ("zc/buildout/download.py", MODULES[5].1),
    ("zc/buildout/easy_install.py", MODULES[6].1),
    ("zc/buildout/rmtree.py", MODULES[7].1),
];

/// The files of the distribution `zc.recipe.egg`.
pub const ZC_RECIPE_EGG: &[(&str, &str)] = &[
    ("zc/__init__.py", NAMESPACE),
    ("zc/recipe/__init__.py", NAMESPACE),
    ("zc/recipe/egg/__init__.py", MODULES[8].1),
    ("zc/recipe/egg/egg.py", MODULES[9].1),
];
