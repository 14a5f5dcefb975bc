//! What the dynamic loader reads of a binary.

use std::{
    error::Error,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use object::{
    Endianness, FileKind,
    elf::{
        DF_1_NODEFLIB, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ,
        DT_STRTAB, FileHeader32, FileHeader64, PT_LOAD,
    },
    read::{
        ReadCache, ReadRef,
        elf::{Dyn as _, FileHeader, ProgramHeader as _},
    },
};

/// How binaries begin.
pub(super) const MAGIC: &[u8] = b"\x7fELF";

/// A program or library that is linked dynamically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DynamicObject {
    /// What only fits together with its like.
    pub(super) kind: ObjectKind,
    /// The loader that the system starts for the program.
    pub(super) interpreter: Option<OsString>,
    /// The name by which others need it.
    pub(super) name: Option<OsString>,
    /// The libraries that it needs.
    pub(super) needed: Vec<OsString>,
    /// The entries of `DT_RPATH`.
    pub(super) rpath: Option<Vec<OsString>>,
    /// The entries of `DT_RUNPATH`.
    pub(super) runpath: Option<Vec<OsString>>,
    /// Whether libraries are looked for in the default directories, too.
    pub(super) uses_defaults: bool,
}

/// The architecture of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectKind {
    is_64_bit: bool,
    is_little_endian: bool,
    machine: u16,
}

/// Reads a binary; `None` if it is not linked dynamically.
///
/// # Errors
///
/// The file cannot be read, or is no working binary.
pub(super) fn read(path: &Path) -> io::Result<Option<DynamicObject>> {
    let cache = ReadCache::new(File::open(path)?);
    match FileKind::parse(&cache).map_err(invalid)? {
        FileKind::Elf32 => parse::<FileHeader32<Endianness>>(&cache),
        FileKind::Elf64 => parse::<FileHeader64<Endianness>>(&cache),
        _ => Ok(None),
    }
}

fn invalid(reason: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn parse<H: FileHeader<Endian = Endianness>>(
    data: &ReadCache<File>,
) -> io::Result<Option<DynamicObject>> {
    let header = H::parse(data).map_err(invalid)?;
    let endian = header.endian().map_err(invalid)?;
    let mut dynamic = None;
    let mut interpreter = None;
    let mut loaded = Vec::new();
    for segment in header.program_headers(endian, data).map_err(invalid)? {
        if let Some(entries) = segment.dynamic(endian, data).map_err(invalid)? {
            dynamic = Some(entries);
        }
        if let Some(path) = segment.interpreter(endian, data).map_err(invalid)? {
            interpreter = Some(OsStr::from_bytes(path).to_owned());
        }
        if segment.p_type(endian) == PT_LOAD {
            let (offset, size) = segment.file_range(endian);
            loaded.push((segment.p_vaddr(endian).into(), offset, size));
        }
    }
    // Separate files of debugging symbols have an empty one.
    let Some(entries) = dynamic.filter(|entries| !entries.is_empty()) else {
        return Ok(None);
    };
    let entries = || {
        let all = entries
            .iter()
            .map(|entry| (entry.tag(endian), entry.val(endian)));
        all.take_while(|(tag, _)| *tag != DT_NULL)
    };
    let find = |wanted| {
        entries()
            .find(|(tag, _)| *tag == wanted)
            .map(|(_, value)| value)
    };
    let table = find(DT_STRTAB)
        .and_then(|address| offset_in_file(&loaded, address))
        .and_then(|start| Some(start..start.checked_add(find(DT_STRSZ)?)?));
    let text = |position: u64| {
        let bytes = table.clone().and_then(|table| {
            let start = table.start.checked_add(position)?;
            data.read_bytes_at_until(start..table.end, 0).ok()
        });
        let text = bytes.map(|bytes| OsStr::from_bytes(bytes).to_owned());
        text.ok_or_else(|| invalid("a name in the dynamic section is not in the file"))
    };
    let mut object = DynamicObject {
        kind: ObjectKind {
            is_64_bit: header.is_class_64(),
            is_little_endian: header.is_little_endian(),
            machine: header.e_machine(endian).0,
        },
        interpreter,
        name: None,
        needed: Vec::new(),
        rpath: None,
        runpath: None,
        uses_defaults: true,
    };
    for (tag, value) in entries() {
        match tag {
            DT_NEEDED => object.needed.push(text(value)?),
            DT_SONAME => object.name = Some(text(value)?),
            DT_RPATH => object.rpath = Some(split_path(&text(value)?)),
            DT_RUNPATH => object.runpath = Some(split_path(&text(value)?)),
            DT_FLAGS_1 => object.uses_defaults = value & DF_1_NODEFLIB.0 == 0,
            _ => {}
        }
    }
    Ok(Some(object))
}

/// Returns where in the file an address is, by the segments that are loaded.
fn offset_in_file(loaded: &[(u64, u64, u64)], address: u64) -> Option<u64> {
    loaded.iter().find_map(|(start, offset, size)| {
        let within = address.checked_sub(*start)?;
        (within < *size).then(|| offset.checked_add(within))?
    })
}

/// An empty run path has no entries; otherwise an empty entry means the
/// current directory.
fn split_path(text: &OsStr) -> Vec<OsString> {
    if text.is_empty() {
        return Vec::new();
    }
    let entries = text.as_bytes().split(|byte| *byte == b':');
    entries
        .map(|entry| OsStr::from_bytes(entry).to_owned())
        .collect()
}
