//! `.dockerignore`, in the engine's own semantics: the last pattern that matches a path or one of its
//! parents decides, `!` takes back, `**` stands for any number of directories.
//!
//! The patterns are Go's `filepath.Match` with `**` added, which no glob library has exactly; each is
//! turned into a regular expression, as the engine does.

use regex::Regex;

/// The patterns of one file.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// `!`: what it matches is taken back in.
    negated: bool,
    text: String,
    regex: Regex,
}

/// A line that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern {
    /// Its line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl Ignore {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (index, raw) in text.lines().enumerate() {
            let trimmed = raw.trim();
            if raw.starts_with('#') || trimmed.is_empty() {
                continue;
            }
            let bad = || BadPattern { line: index + 1, text: trimmed.to_owned() };
            let (negated, body) = match trimmed.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, trimmed),
            };
            if body.is_empty() {
                return Err(bad());
            }
            let text = clean(body);
            let regex = Regex::new(&to_regex(&text)).map_err(|_| bad())?;
            patterns.push(Pattern { negated, text, regex });
        }
        Ok(Ignore { patterns })
    }

    /// Whether a path (relative, with forward slashes) is left out.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for pattern in &self.patterns {
            if excluded == pattern.negated && pattern.matches_or_parent(path) {
                excluded = !pattern.negated;
            }
        }
        excluded
    }

    /// Whether something below a directory that is left out may be taken back in.
    pub(super) fn may_include_below(&self, directory: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.negated && reaches_below(&pattern.text, directory))
    }
}

impl Pattern {
    fn matches_or_parent(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| self.regex.is_match(&path[..end]))
    }
}

/// Go's `filepath.Clean`, for what a line of this file can hold; a leading slash means the context.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn to_regex(pattern: &str) -> String {
    let mut out = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '[' if !in_class => {
                in_class = true;
                out.push(c);
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '^' | '-' if in_class => out.push(c),
            '*' if !in_class && rest.peek() == Some(&'*') => {
                rest.next();
                if rest.peek() == Some(&'/') {
                    rest.next();
                }
                // At the end it takes everything below; before something, any directories or none.
                out.push_str(if rest.peek().is_none() { ".*" } else { "(?:.*/)?" });
            }
            '*' if !in_class => out.push_str("[^/]*"),
            '?' if !in_class => out.push_str("[^/]"),
            '\\' => out.push_str(&regex::escape(&rest.next().unwrap_or('\\').to_string())),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push('$');
    out
}

/// Whether a pattern can match something below a directory, judged part by part.
fn reaches_below(pattern: &str, directory: &str) -> bool {
    let mut parts = pattern.split('/');
    for name in directory.split('/') {
        match parts.next() {
            Some(part) if part.contains("**") => return true,
            Some(part) if part.contains(['*', '?', '[', '\\']) || part == name => {}
            _ => return false,
        }
    }
    parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &str, paths: &[&str]) -> Vec<String> {
        let ignore = Ignore::parse(patterns).expect("patterns");
        paths.iter().filter(|path| ignore.excludes(path)).map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_star_stays_within_a_directory_and_takes_what_is_below() {
        assert_eq!(excluded("*.md", &["a.md", "b/a.md", "a.mdx"]), ["a.md"]);
        assert_eq!(excluded("*/temp*", &["x/temporary", "x/temp/y", "temp", "x/y/temp"]), ["x/temporary", "x/temp/y"]);
        assert_eq!(excluded("build", &["build", "build/x/y", "rebuild", "x/build"]), ["build", "build/x/y"]);
    }

    #[test]
    fn two_stars_cross_directories() {
        assert_eq!(excluded("**/*.pyc", &["a.pyc", "b/c/a.pyc", "a.py"]), ["a.pyc", "b/c/a.pyc"]);
        assert_eq!(excluded("src/**", &["src", "src/a", "src/a/b", "srca"]), ["src/a", "src/a/b"]);
        assert_eq!(excluded("a/**/z", &["a/z", "a/b/c/z", "a/b"]), ["a/z", "a/b/c/z"]);
        assert_eq!(excluded("**", &["a", "a/b"]), ["a", "a/b"]);
    }

    #[test]
    fn the_last_match_wins() {
        let whitelist = "*\n!src\nsrc/secret\n!src/secret/not";
        let paths = ["readme", "src", "src/a", "src/secret", "src/secret/x", "src/secret/not"];
        assert_eq!(excluded(whitelist, &paths), ["readme", "src/secret", "src/secret/x"]);
        assert_eq!(excluded("!a\na", &["a"]), ["a"]);
    }

    #[test]
    fn comments_blanks_slashes_and_a_mark_are_read_as_the_engine_reads_them() {
        assert_eq!(excluded("\u{feff}# c\n\n  /a/  \n./b\nc/../d", &["a", "b", "d", "c", "# c"]), ["a", "b", "d"]);
    }

    #[test]
    fn characters_with_a_meaning_elsewhere_are_plain() {
        assert_eq!(
            excluded("a.b+(c)\n\\*d\n[xy]z", &["a.b+(c)", "axb+(c)", "*d", "ed", "xz", "zz"]),
            ["a.b+(c)", "*d", "xz"]
        );
    }

    #[test]
    fn a_broken_pattern_is_told_with_its_line() {
        assert_eq!(Ignore::parse("a\n[b").expect_err("broken"), BadPattern { line: 2, text: "[b".to_owned() });
        assert!(Ignore::parse("!").is_err());
    }

    #[test]
    fn an_excluded_directory_is_entered_only_for_what_may_come_back() {
        let ignore = Ignore::parse("*\n!src/app/*.py\n!top").expect("patterns");
        assert!(ignore.may_include_below("src") && ignore.may_include_below("src/app"));
        assert!(!ignore.may_include_below("target") && !ignore.may_include_below("src/app/x"));
        assert!(Ignore::parse("*\n!**/keep").expect("patterns").may_include_below("target"));
    }
}
