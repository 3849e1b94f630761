//! edit-zone: a zone in an editor, checked, shown as a difference, and applied if its user says so.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::{RrsetChange, RrsetEdit, RrsetFilter, SerialBump, StoredRecord, StoredRrset, ZoneEdit};
use wire::{Name, RecordType};

use super::output::{Failure, Outcome, Output};
use super::{Tool, check, content};

/// The editor if the environment names none.
const EDITOR: &str = "editor";

/// Records by owner and type, with the RRset's TTL.
type Contents = BTreeMap<(Name, RecordType), (u32, Vec<StoredRecord>)>;

/// What is done with what was written.
enum Answer {
    Edit,
    Retry,
    Apply,
    Quit,
}

pub(super) async fn edit(tool: &mut Tool, parameters: &[String]) -> Outcome {
    let zone = Tool::zone_name(&parameters[0])?;
    let missing = || format!("Zone '{}' not found!", zone.to_dotless());
    let summary = tool.zone(&zone, missing).await?;
    let before = tool.store.rrsets(summary.id, &RrsetFilter::default()).await?;
    let text = master_file(&before);
    let file = Draft::new()?;
    let mut draft = text.clone();
    loop {
        file.write(&draft)?;
        run_editor(tool, file.path())?;
        draft = file.read()?;
        let after = match read(&draft, zone.apex(), tool.defaults.ttl) {
            Ok(after) => after,
            Err(why) => {
                tool.output.chatter(why);
                match problem(&mut tool.output, false) {
                    Answer::Edit | Answer::Apply => continue,
                    Answer::Retry => draft.clone_from(&text),
                    Answer::Quit => return Err(Failure::Silent),
                }
                continue;
            }
        };
        if check::check_draft(&mut tool.output, zone.apex(), &stored(&after)) > 0 {
            match problem(&mut tool.output, true) {
                Answer::Edit => continue,
                Answer::Retry => {
                    draft.clone_from(&text);
                    continue;
                }
                Answer::Apply => {}
                Answer::Quit => return Err(Failure::Silent),
            }
        }
        let was = enabled(&before);
        let changed = changed(&was, &after);
        if changed.is_empty() {
            tool.output.data("No changes to apply.");
            return Ok(());
        }
        tool.output.data("Detected the following changes:");
        for line in difference(&was, &after, &changed) {
            tool.output.data(line);
        }
        let soa = (zone.apex().clone(), RecordType::SOA);
        let serial = match changed.contains(&&soa) {
            true => SerialBump::Keep,
            false => match ask_serial(&mut tool.output) {
                Some(Ok(bump)) => bump,
                Some(Err(())) => continue,
                None => return Err(Failure::Silent),
            },
        };
        match confirm(&mut tool.output) {
            Answer::Edit => continue,
            Answer::Retry => {
                draft.clone_from(&text);
                continue;
            }
            Answer::Quit => return Err(Failure::Silent),
            Answer::Apply => {}
        }
        let changes = changes(&before, &after, &changed);
        // Somebody may have been here while the editor was open: what he changed is not what was looked at.
        let present = tool.store.rrsets(summary.id, &RrsetFilter::default()).await?;
        let seen = |rrsets: &[StoredRrset]| -> Vec<_> {
            let touched = rrsets.iter().filter(|rrset| changed.contains(&&(rrset.name.clone(), rrset.rtype)));
            let mut touched: Vec<_> =
                touched.map(|rrset| (rrset.name.clone(), rrset.rtype, rrset.ttl, rrset.records.clone())).collect();
            touched.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
            touched
        };
        if seen(&before) != seen(&present) {
            return Err(Failure::said("Error: the zone was changed by somebody else meanwhile; nothing was applied"));
        }
        let edit = ZoneEdit { rrsets: RrsetEdit::Patch(changes), serial, ..ZoneEdit::default() };
        tool.edit(&zone, edit, missing).await?;
        return Ok(());
    }
}

/// The enabled records as a master file of absolute names.
fn master_file(rrsets: &[StoredRrset]) -> String {
    let mut text = String::from("; Warning - every name in this file is ABSOLUTE!\n$ORIGIN .\n");
    let mut lines: Vec<(bool, String)> = Vec::new();
    for rrset in rrsets {
        for record in rrset.records.iter().filter(|record| !record.disabled) {
            let content = content::dotted_text(rrset.rtype, record);
            let line = format!("{}\t{}\tIN\t{}\t{content}\n", rrset.name.to_master_file(), rrset.ttl, rrset.rtype);
            lines.push((rrset.rtype != RecordType::SOA, line));
        }
    }
    // The SOA first, as whoever reads a zone expects it.
    lines.sort();
    text.extend(lines.into_iter().map(|(_, line)| line));
    text
}

fn enabled(rrsets: &[StoredRrset]) -> Contents {
    let mut contents = Contents::new();
    for rrset in rrsets {
        let mut records: Vec<StoredRecord> = rrset.records.iter().filter(|record| !record.disabled).cloned().collect();
        if !records.is_empty() {
            sort(&mut records);
            contents.insert((rrset.name.clone(), rrset.rtype), (rrset.ttl, records));
        }
    }
    contents
}

fn sort(records: &mut [StoredRecord]) {
    records.sort_by(|a, b| (a.prio, &a.content).cmp(&(b.prio, &b.content)));
}

/// What was written, or why it is no zone.
fn read(text: &str, zone: &Name, ttl: u32) -> Result<Contents, String> {
    let records = wire::zonefile::parse(text, zone, ttl).map_err(|error| format!("Error: {error}"))?;
    let mut contents = Contents::new();
    for record in records {
        let stored = StoredRecord { content: record.content.stored, prio: record.content.prio, disabled: false };
        let rrset = contents.entry((record.name.to_lowercase(), record.rtype)).or_insert((record.ttl, Vec::new()));
        rrset.0 = rrset.0.min(record.ttl);
        rrset.1.push(stored);
    }
    contents.values_mut().for_each(|(_, records)| sort(records));
    Ok(contents)
}

fn stored(contents: &Contents) -> Vec<StoredRrset> {
    let rrset = |((name, rtype), (ttl, records)): (&(Name, RecordType), &(u32, Vec<StoredRecord>))| StoredRrset {
        name: name.clone(),
        rtype: *rtype,
        ttl: *ttl,
        records: records.clone(),
        comments: Vec::new(),
    };
    contents.iter().map(rrset).collect()
}

/// RRsets that differ.
fn changed<'a>(before: &'a Contents, after: &'a Contents) -> Vec<&'a (Name, RecordType)> {
    let gone = before.keys().filter(|key| !after.contains_key(key));
    gone.chain(after.keys().filter(|key| before.get(key) != after.get(key))).collect()
}

/// `-` and `+` lines of the records that differ.
fn difference(before: &Contents, after: &Contents, changed: &[&(Name, RecordType)]) -> Vec<String> {
    let lines = |contents: &Contents, key: &(Name, RecordType)| -> Vec<String> {
        let Some((ttl, records)) = contents.get(key) else { return Vec::new() };
        let line = |record| format!("{} {ttl} IN {} {}", key.0, key.1, content::stored_text(key.1, record));
        records.iter().map(line).collect()
    };
    let mut difference = Vec::new();
    for key in changed {
        let (old, new) = (lines(before, key), lines(after, key));
        difference.extend(old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}")));
        difference.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}")));
    }
    difference
}

/// Only what differs is written. Disabled records are not seen in the editor, and stay.
fn changes(before: &[StoredRrset], after: &Contents, changed: &[&(Name, RecordType)]) -> Vec<RrsetChange> {
    let mut changes: Vec<RrsetChange> = Vec::with_capacity(changed.len());
    for key in changed {
        let (name, rtype) = (key.0.clone(), key.1);
        let old = before.iter().find(|rrset| rrset.name == name && rrset.rtype == rtype);
        let hidden = old.iter().flat_map(|rrset| rrset.records.iter().filter(|record| record.disabled).cloned());
        let (ttl, mut records) = match after.get(key) {
            Some((ttl, records)) => (*ttl, records.clone()),
            None => (old.map_or(0, |rrset| rrset.ttl), Vec::new()),
        };
        records.extend(hidden);
        changes.push(RrsetChange::Replace { name, rtype, ttl, records: Some(records), comments: None });
    }
    // What goes makes way for what comes: a CNAME in place of an address.
    changes.sort_by_key(
        |change| !matches!(change, RrsetChange::Replace { records: Some(records), .. } if records.is_empty()),
    );
    changes
}

fn problem(output: &mut Output, can_apply: bool) -> Answer {
    output.chatter("There was a problem with your zone");
    let apply = if can_apply { "(a)pply change anyhow, " } else { "" };
    let question = format!("Options are: (e)dit your changes, (r)etry with original zone, {apply}(q)uit: ");
    loop {
        match output.ask(&question).as_deref() {
            Some("e") => return Answer::Edit,
            Some("r") => return Answer::Retry,
            Some("a") if can_apply => return Answer::Apply,
            Some("q") | None => return Answer::Quit,
            Some(_) => {}
        }
    }
}

/// `None`: give up; an error: edit again.
fn ask_serial(output: &mut Output) -> Option<Result<SerialBump, ()>> {
    output.chatter("You have not updated the SOA record! Would you like to increase-serial?");
    let question = "(y)es - increase serial, (n)o - leave SOA record as is, (e)dit your changes, (q)uit: ";
    loop {
        match output.ask(question).as_deref() {
            Some("y") => return Some(Ok(SerialBump::Increase)),
            Some("n") => return Some(Ok(SerialBump::Keep)),
            Some("e") => return Some(Err(())),
            Some("q") | None => return None,
            Some(_) => {}
        }
    }
}

fn confirm(output: &mut Output) -> Answer {
    loop {
        match output.ask("(a)pply these changes, (e)dit again, (r)etry with original zone, (q)uit: ").as_deref() {
            Some("a") => return Answer::Apply,
            Some("e") => return Answer::Edit,
            Some("r") => return Answer::Retry,
            Some("q") | None => return Answer::Quit,
            Some(_) => {}
        }
    }
}

/// Runs what `PDNSUTIL_EDITOR` or `EDITOR` names, which may have parameters of its own.
fn run_editor(tool: &mut Tool, file: &Path) -> Outcome {
    tool.output.flush();
    let editor = tool.editor.as_deref().unwrap_or(EDITOR);
    // The file is a parameter of the shell, so that its name is never read as part of the command.
    let script = format!("{editor} \"$1\"");
    let status = Command::new("/bin/sh").args(["-c", &script, "sh"]).arg(file).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Said(format!("Error: the editor '{editor}' ended with {status}"))),
        Err(error) => Err(Failure::Said(format!("Error: the editor '{editor}' cannot be run: {error}"))),
    }
}

/// A file for its user alone, which goes with the value.
struct Draft(PathBuf);

impl Draft {
    fn new() -> Result<Draft, Failure> {
        let failed = |error: std::io::Error| Failure::Said(format!("Error: no temporary file can be made: {error}"));
        let mut number = 0;
        loop {
            let path = std::env::temp_dir().join(format!("pdnsutil-{}-{number}.zone", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return Ok(Draft(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, text: &str) -> Outcome {
        let write = || OpenOptions::new().write(true).truncate(true).open(&self.0)?.write_all(text.as_bytes());
        write().map_err(|error| Failure::Said(format!("Error: {}: {error}", self.0.display())))
    }

    fn read(&self) -> Result<String, Failure> {
        std::fs::read_to_string(&self.0).map_err(|error| Failure::Said(format!("Error: {}: {error}", self.0.display())))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
