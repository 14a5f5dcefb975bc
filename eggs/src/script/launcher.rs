//! The text of `bin/buildout`.

use buildout_core::value::str_repr;

use super::Shebang;

/// Returns the text of a script of `python` that becomes `program`, a path and
/// the first words of its command line, told of that Python and of the script's
/// arguments.
///
/// It is in Python although it does next to nothing in it: slapos.core takes
/// the Python of instances and promises from the first line of a release's
/// `bin/buildout`, and runs the script with that.
pub fn launcher(python: &str, shebang_limit: usize, program: &[String]) -> String {
    let words: Vec<String> = program.iter().map(|word| str_repr(word)).collect();
    format!(
        "{}\n\
         # Runs buildout with this Python. Made by buildout, and made anew by each run.\n\
         import os\n\
         import sys\n\
         \n\
         program = [{}]\n\
         arguments = ['--python', {}] + sys.argv[1:]\n\
         \n\
         if __name__ == '__main__':\n    \
             try:\n        \
                 os.execv(program[0], [sys.argv[0]] + program[1:] + arguments)\n    \
             except OSError as error:\n        \
                 sys.exit('Error: %s: %s' % (program[0], error.strerror))\n",
        Shebang::new(python, shebang_limit).text(),
        words.join(", "),
        str_repr(python),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_python() {
        let program = ["/opt/it's/slapos".to_owned(), "buildout".to_owned()];
        let text = launcher("/py/bin/python3", 126, &program);
        assert!(text.starts_with("#!/py/bin/python3\n#"), "{text}");
        assert!(
            text.contains("program = [\"/opt/it's/slapos\", 'buildout']\n"),
            "{text}"
        );
        let long = format!("/{}/python3", "x".repeat(200));
        let text = launcher(&long, 126, &program);
        assert!(
            text.starts_with(&format!("#!/bin/sh\n\"exec\" \"{long}\" ")),
            "{text}"
        );
    }
}
