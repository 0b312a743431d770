//! Changes to a text in TOML that leave everything else in it as it is: comments, order, blanks.

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::{Error, ErrorKind};

/// One change: a value is set, or taken away.
#[derive(Debug, Clone)]
pub struct Edit {
    path: Vec<String>,
    value: Option<Value>,
}

impl Edit {
    /// Sets the value of `key` (`limits.memory`) of a pool.
    pub fn set(pool: &str, key: &str, value: impl Into<Value>) -> Self {
        Self { path: below(pool, key), value: Some(value.into()) }
    }

    /// Sets the value of `key` of a pool to what was typed: a value in TOML, or plain text.
    pub fn typed(pool: &str, key: &str, text: &str) -> Self {
        let mut value = text.parse::<Value>().unwrap_or_else(|_| text.into());
        value.decor_mut().clear();
        Self::set(pool, key, value)
    }

    /// Sets an entry of a table of a pool, whose name may have dots in it.
    pub fn set_in(pool: &str, table: &str, entry: &str, value: impl Into<Value>) -> Self {
        let path = ["pools", pool, table, entry].map(str::to_owned).to_vec();
        Self { path, value: Some(value.into()) }
    }

    /// Takes the value of `key` of a pool away, if there is one.
    pub fn unset(pool: &str, key: &str) -> Self {
        Self { path: below(pool, key), value: None }
    }

    /// Describes a pool of which nothing is said.
    pub fn describe(pool: &str) -> Self {
        Self { path: below(pool, ""), value: Some(InlineTable::new().into()) }
    }

    /// Takes a pool away, with all that is set of it.
    pub fn delete(pool: &str) -> Self {
        Self { path: below(pool, ""), value: None }
    }

    /// Sets a value outside of the pools.
    pub fn set_top(key: &str, value: impl Into<Value>) -> Self {
        Self { path: vec![key.to_owned()], value: Some(value.into()) }
    }

    /// Takes a value outside of the pools away.
    pub fn unset_top(key: &str) -> Self {
        Self { path: vec![key.to_owned()], value: None }
    }

    /// The key below the pool that it is about.
    pub fn key(&self) -> String {
        self.path.iter().skip(2).map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

fn below(pool: &str, key: &str) -> Vec<String> {
    let key = key.split('.').filter(|part| !part.is_empty());
    ["pools", pool].into_iter().chain(key).map(str::to_owned).collect()
}

/// The text with all changes made.
///
/// # Errors
/// When it is no TOML, or has a plain value where a table would have to be.
pub fn edited(text: &str, edits: &[Edit]) -> Result<String, Error> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        Error::new(ErrorKind::BadInput, format!("it is not TOML: {}", error.to_string().trim_end()))
    })?;
    for Edit { path, value } in edits {
        match value {
            Some(value) => set(document.as_item_mut(), path, value)?,
            None => drop(unset(document.as_table_mut(), path)),
        }
    }
    Ok(document.to_string())
}

fn set(mut item: &mut Item, path: &[String], value: &Value) -> Result<(), Error> {
    let (last, tables) = path.split_last().expect("every change has a path");
    for (depth, key) in tables.iter().enumerate() {
        let is_inline = item.is_inline_table();
        let table = table_of(item, key)?;
        if !table.contains_key(key) {
            let new = if is_inline {
                Item::Value(InlineTable::new().into())
            } else {
                let mut new = Table::new();
                // `[pools]` itself says nothing.
                new.set_implicit(depth == 0);
                Item::Table(new)
            };
            table.insert(key, new);
        }
        item = table.get_mut(key).expect("it was there, or is now");
    }
    let is_inline = item.is_inline_table();
    let table = table_of(item, last)?;
    match table.get_mut(last).and_then(Item::as_value_mut) {
        // What stands around the old value, a comment for example, stands around the new one.
        Some(there) => {
            let around = there.decor().clone();
            *there = value.clone();
            *there.decor_mut() = around;
        }
        None if path.len() == 2 && !is_inline => {
            table.entry(last).or_insert(Item::Table(Table::new()));
        }
        None => drop(table.insert(last, Item::Value(value.clone()))),
    }
    Ok(())
}

fn table_of<'a>(item: &'a mut Item, key: &str) -> Result<&'a mut dyn TableLike, Error> {
    item.as_table_like_mut().ok_or_else(|| {
        Error::new(
            ErrorKind::BadInput,
            format!("there is no place for {key}: what has it is no table"),
        )
    })
}

/// Takes away what is at `path`, and tables that have nothing left. An empty policy is left: it refuses everything.
fn unset(table: &mut dyn TableLike, path: &[String]) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return table.remove(first).map(drop);
    }
    let inner = table.get_mut(first)?.as_table_like_mut()?;
    unset(inner, rest)?;
    let is_setting_of_pool = !["pools", "grants"].contains(&first.as_str()) && rest.len() == 1;
    if inner.is_empty() && is_setting_of_pool {
        table.remove(first);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Whom to ask: the search team.
default_pool = \"team\"   # for all of us

[pools.team]              # the big machine
type = \"process\"
store = \"/data/old\"     # moved in May

# Flows that ask for nothing.
[pools.team.limits]
memory   = \"256MiB\"

[pools.other]
limits = { memory = \"1GiB\" }
";

    fn after(text: &str, edits: &[Edit]) -> String {
        let text = edited(text, edits).unwrap();
        assert!(toml::from_str::<toml::Table>(&text).is_ok(), "{text}");
        text
    }

    #[test]
    fn a_value_is_replaced_and_nothing_else() {
        let changed = after(FILE, &[Edit::set("team", "store", "/data/new")]);
        assert_eq!(changed, FILE.replace("/data/old", "/data/new"));
        let changed = after(FILE, &[Edit::set("team", "limits.memory", "1GiB")]);
        assert_eq!(changed, FILE.replace("256MiB", "1GiB"));
        let changed = after(FILE, &[Edit::set_top("default_pool", "other")]);
        assert_eq!(changed, FILE.replace("\"team\"   #", "\"other\"   #"));
    }

    #[test]
    fn what_is_new_is_put_where_it_belongs() {
        let changed = after(
            FILE,
            &[
                Edit::set("team", "paused", true),
                Edit::set("team", "limits.sockets", 4),
                Edit::set("other", "limits.timeout", "5m"),
                Edit::set("team", "labels.owner", "search"),
            ],
        );
        for (from, to) in [
            ("# moved in May\n", "# moved in May\npaused = true\n"),
            ("\"256MiB\"\n", "\"256MiB\"\nsockets = 4\n"),
            ("\"1GiB\" }", "\"1GiB\" , timeout = \"5m\" }"),
        ] {
            let expected = to.replace(" ,", ",");
            assert!(changed.contains(to) || changed.contains(&expected), "{from}: {changed}");
        }
        assert!(changed.contains("[pools.team.labels]\nowner = \"search\"\n"), "{changed}");
        for line in FILE.lines().filter(|line| line.contains('#')) {
            assert!(changed.contains(line), "{line} is lost: {changed}");
        }
    }

    #[test]
    fn a_pool_is_described_in_an_empty_text_and_deleted_again() {
        let described = after("", &[Edit::describe("a"), Edit::set("a", "type", "process")]);
        assert_eq!(described, "[pools.a]\ntype = \"process\"\n");
        assert_eq!(after("", &[Edit::describe("a")]), "[pools.a]\n");
        assert_eq!(after(&described, &[Edit::delete("a")]), "");
        let changed = after(FILE, &[Edit::delete("team")]);
        assert!(!changed.contains("team]") && changed.contains("[pools.other]"), "{changed}");
        assert!(changed.starts_with("# Whom to ask: the search team.\n"), "{changed}");
    }

    #[test]
    fn what_is_taken_away_leaves_no_empty_table_but_a_policy() {
        let text = "[pools.a]\ntype = \"process\"\n[pools.a.labels]\nx = \"1\"\n[pools.a.grants]\nenv = []\n";
        let edits = [
            Edit::unset("a", "labels.x"),
            Edit::unset("a", "grants.env"),
            Edit::unset("a", "store"),
        ];
        assert_eq!(after(text, &edits), "[pools.a]\ntype = \"process\"\n[pools.a.grants]\n");
    }

    #[test]
    fn a_value_where_a_table_belongs_is_an_error() {
        let error = edited("pools = 5", &[Edit::set("a", "type", "process")]).unwrap_err();
        assert_eq!(error.to_string(), "there is no place for a: what has it is no table");
    }
}
