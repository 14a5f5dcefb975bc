//! JSON as pages have it: borrowed from their bytes, and read no further than
//! somebody wants to know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The member that names the file that an object is about.
const FILE_NAME: &str = "filename";

/// A value in the bytes of a page.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Bool(bool),
    Number(u64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
    /// Nothing that means anything in a page, or an object about a file that nobody wants.
    Other,
}

impl<'a> Json<'a> {
    /// Reads a document, whose depth is limited. Of an object about a file that
    /// is not wanted nothing is kept: most of a page are wheels for other machines.
    pub(super) fn read(
        bytes: &'a [u8],
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let document = Reader { is_wanted }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(document)
    }

    /// Returns a member of an object: the last one of the name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let mut members = self.members().iter().rev();
        members
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Returns the members of an object; none of anything else.
    pub(super) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    /// Returns a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'w> {
    is_wanted: &'w dyn Fn(&str) -> bool,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json<'de>, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = values.next_element_seed(self)? {
            array.push(value);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = values.next_key_seed(self)? {
            let value = values.next_value_seed(self)?;
            // The name of a member is always a text.
            let Json::Text(name) = name else { continue };
            if name == FILE_NAME && value.text().is_some_and(|file| !(self.is_wanted)(file)) {
                while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Json::Other);
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}
