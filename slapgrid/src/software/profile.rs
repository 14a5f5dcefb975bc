//! The profile in a release's directory.

/// Returns the text of a release's `buildout.cfg`, as Python's `configparser`
/// writes it.
pub(super) fn release_profile(
    url: &str,
    shared_part_list: &str,
    build_time_part_list: &str,
) -> String {
    let value = |value: &str| value.replace('\n', "\n\t");
    format!(
        "[buildout]\nextends = {}\nshared-part-list = {}\nbuild-time-part-list = {}\n\n",
        value(url),
        value(shared_part_list),
        value(build_time_part_list)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_python_s() {
        assert_eq!(
            release_profile("http://a/software.cfg", "\n/a\n/b", ""),
            "[buildout]\nextends = http://a/software.cfg\nshared-part-list = \n\t/a\n\t/b\nbuild-time-part-list = \n\n"
        );
    }
}
