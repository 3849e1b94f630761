//! Tests by name: tables say which test holds a sentence or a rule, and here is looked whether it is there and runs.

use crate::server::workspace;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by path under the workspace, read once.
#[derive(Debug, Default)]
pub struct Sources(BTreeMap<String, Option<String>>);

impl Sources {
    /// Finds `FILE::FUNCTION` among the tests of the file, or a golden case by its folder.
    ///
    /// # Errors
    ///
    /// Why it is none that runs.
    pub fn find(&mut self, test: &str) -> Result<(), String> {
        let Some((file, function)) = test.split_once("::") else {
            let is_case = test.starts_with("tests/golden/") && workspace().join(test).join("ask").exists();
            return if is_case { Ok(()) } else { Err("neither FILE::FUNCTION nor a golden case".into()) };
        };
        if let Some(area) = file.strip_prefix("tests/store_suite/").and_then(|file| file.strip_suffix(".rs")) {
            return self.find_in_suite(area, function);
        }
        let source = self.read(file).ok_or("no such file")?;
        is_run(source, function)?;
        // A file of tests that no Cargo target and no module names is never compiled.
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let is_target = file.contains("/src/") || Path::new(folder).ends_with("tests");
        let module = format!("mod {};", name.trim_end_matches(".rs"));
        let is_module =
            self.read(&format!("{folder}/main.rs")).is_some_and(|main| main.lines().any(|line| line == module));
        if is_target || is_module { Ok(()) } else { Err("is in a file that is not compiled".into()) }
    }

    /// A case of `store_suite!`, which makes a test of it for each database.
    fn find_in_suite(&mut self, area: &str, function: &str) -> Result<(), String> {
        let suite = self.read("tests/store_suite.rs").ok_or("no such file")?;
        let list = suite.split("\nstore_suite! {").nth(1).unwrap_or_default();
        let cases = list.split(';').map(str::trim).find_map(|entry| entry.strip_prefix(&format!("{area}:")));
        let is_listed = cases.is_some_and(|cases| cases.split(',').any(|case| case.trim() == function));
        if is_listed { Ok(()) } else { Err("is not in the store suite".into()) }
    }

    fn read(&mut self, file: &str) -> Option<&str> {
        let source = self.0.entry(file.to_owned()).or_insert_with(|| fs::read_to_string(workspace().join(file)).ok());
        source.as_deref()
    }
}

/// Whether `function` is a test of the normal set: the attributes above it say so.
fn is_run(source: &str, function: &str) -> Result<(), String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let head = format!("fn {function}(");
    let is_head = |line: &&str| line.strip_prefix("async ").unwrap_or(line).starts_with(&head);
    let at = lines.iter().position(is_head).ok_or("no such function")?;
    let above: Vec<&str> =
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//")).copied().collect();
    if above.iter().any(|line| line.starts_with("#[ignore")) {
        return Err("is not in the normal set".into());
    }
    let is_test = above.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    if is_test { Ok(()) } else { Err("is not a test".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_found_by_its_attributes() {
        let source = "\
            #[test]\n/// Says why.\nfn first() {}\n\nfn helper() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn second() {}\n\n\
            proptest! {\n    #[test]\n    fn third(x in 0..3) {}\n}\n\n#[test]\n#[ignore = \"full set: long\"]\nfn fourth() {}\n";
        let found = |function| is_run(source, function).is_ok();
        assert_eq!(["first", "second", "third"].map(found), [true; 3]);
        assert_eq!(["helper", "fourth", "fifth", "firs"].map(found), [false; 4]);
    }

    #[test]
    fn a_test_in_a_module_or_in_the_suite_is_found_only_where_it_is_compiled() {
        let mut sources = Sources::default();
        let mut found = |test: &str| sources.find(test).is_ok();
        assert!(found("tests/store_suite/edit.rs::comments_live_beside_records"));
        assert!(!found("tests/store_suite/edit.rs::comments_live_beside"));
        assert!(!found("tests/store_suite/feed.rs::comments_live_beside_records"));
        assert!(found("crates/api/tests/dialect/patch.rs::section_5_comments_stay_unless_given"));
        assert!(!found("crates/api/tests/patch.rs::section_5_comments_stay_unless_given"));
        assert!(!found("tests/clients/patch.rs::section_5_comments_stay_unless_given"));
    }
}
