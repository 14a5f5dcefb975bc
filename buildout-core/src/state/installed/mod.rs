//! The `.installed.cfg` codec: what is installed, in the format of zc.buildout.
//!
//! The bytes written are those of upstream's `_save_installed_options`, and what is read is what
//! upstream's `configparser.parse` and `_read_installed_part_options` make of a file, including
//! the `[buildout]` blocks which upstream appends during a run (the last value of an option wins)
//! and stale part sections (ignored). A file is always written in full: the caller replaces it
//! through [`InstalledFile::save`], nothing is ever appended.
//!
//! Values are kept as the engine stores them, after substitution and with `$$` left in place.
//!
//! # Values the format cannot hold
//!
//! Upstream has markers for spaces next to a line end, but none for a TAB there, for the other
//! white space Python strips (`\x1c`, no-break space, ...), nor for a value which itself contains
//! the text of a marker. It writes such a value, reads another one back, and so reinstalls the
//! part in every run. An option name such as `a b` makes its next run fail.
//!
//! Here the part's own section still holds exactly upstream's bytes, and the true value goes, in
//! an escaped form without any white space, into a section of ours at the end of the same file:
//!
//! ```text
//! [__buildout_exact__]
//! format = 1
//! 1 = PART OPTION VALUE
//! ```
//!
//! Upstream reads it as one more stale section: it neither fails nor sees anything new. The
//! alternatives were weighed and rejected:
//!
//! - *An option in the part's section* is compared by upstream (`old_options == new_options`), and
//!   the part would reinstall for one more reason.
//! - *A sidecar file under `.buildout/`* goes out of step when upstream rewrites `.installed.cfg`,
//!   or when a crash falls between the two replacements. The section is in the same atomic
//!   replacement, disappears when upstream rewrites the file, and survives when it appends.
//!
//! An entry is trusted only if the value it stands for would be *read by upstream* as what the
//! part's section says now. A file edited by hand or by another program therefore never gets an
//! outdated value. Entries are needed for damaged values only: all other files are equal to
//! upstream's byte for byte. There is one exception: a carriage return inside a line, which
//! upstream writes raw and then reads as a line end (a syntax error, or a new option of the
//! value's choice), is written with upstream's own marker `%(__buildout_space_r__)s`, which both
//! sides read back exactly.
//!
//! Changing the form of the entries means a new `format` number; a reader ignores the section
//! when it does not know the number, which costs a reinstallation and no data.

mod decode;
mod encode;
mod error;
mod exact;
mod file;
mod python_text;

use std::collections::BTreeMap;

use indexmap::IndexMap;

pub use error::{InstalledError, SyntaxProblem};
pub use file::InstalledFile;

/// The option holding a part's installed paths, one a line.
pub const INSTALLED_OPTION: &str = "__buildout_installed__";

/// The option holding a part's recipe signature.
pub const SIGNATURE_OPTION: &str = "__buildout_signature__";

/// The name of the section of global values.
const BUILDOUT_SECTION: &str = "buildout";

/// The option of `[buildout]` which lists the installed parts.
const PARTS_OPTION: &str = "parts";

/// The option of `[buildout]` which lists the develop eggs made by the last run.
const DEVELOP_EGGS_OPTION: &str = "installed_develop_eggs";

/// Everything an installed file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstalledState {
    /// Paths of the develop eggs, as recorded (upstream: absolute and sorted).
    pub develop_eggs: Vec<String>,
    /// Other options of `[buildout]`. Upstream writes none but carries what it finds along, and
    /// so does this codec.
    pub buildout_options: BTreeMap<String, String>,
    /// The installed parts in installation order. Uninstallation goes through them in reverse.
    pub parts: IndexMap<String, InstalledPart>,
}

impl InstalledState {
    /// Returns whether there is nothing to remember, in which case a finished run has no
    /// installed file (the end of upstream's `install`).
    pub fn is_empty(&self) -> bool {
        self.develop_eggs.is_empty() && self.parts.is_empty()
    }
}

/// One installed part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstalledPart {
    /// The part's options when it was installed, with `__buildout_signature__` and without
    /// `__buildout_installed__` (ignored here when written: [`Self::installed`] is the truth).
    pub options: BTreeMap<String, String>,
    /// The recorded paths, relative to the buildout directory or absolute.
    ///
    /// The file holds them joined by newlines. A path containing a newline therefore comes back
    /// as two, as with upstream (some recipes return several paths in one text), and a list of
    /// one empty path comes back as an empty list. Empty paths elsewhere are kept: upstream makes
    /// a leading one when an update adds paths to a part which had none.
    pub installed: Vec<String>,
}

impl InstalledPart {
    /// Returns the recorded recipe signature, if there is one.
    pub fn signature(&self) -> Option<&str> {
        self.options.get(SIGNATURE_OPTION).map(String::as_str)
    }
}
