//! Where in a value something is wrong.

use std::fmt;

/// A place in a value, written as `params.rows[3].price`.
#[derive(Debug, Clone)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    Field(String),
    Index(u64),
}

impl Path {
    /// The place called `name`, from which all others go down.
    pub fn root(name: &str) -> Self {
        Self(vec![Step::Field(name.to_owned())])
    }

    /// Goes down to the field `name`, until [`Path::leave`].
    pub(super) fn enter_field(&mut self, name: &str) {
        self.0.push(Step::Field(name.to_owned()));
    }

    /// Goes down to the item at `index`, until [`Path::leave`].
    pub(super) fn enter_item(&mut self, index: u64) {
        self.0.push(Step::Index(index));
    }

    /// Goes up again.
    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// Goes down to the field `name` for the time of `visit`.
    pub fn in_field<T>(&mut self, name: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.enter_field(name);
        let result = visit(self);
        self.leave();
        result
    }

    /// Goes down to the item at `index` for the time of `visit`.
    pub(super) fn in_item<T>(&mut self, index: u64, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.enter_item(index);
        let result = visit(self);
        self.leave();
        result
    }

    /// How far down this is.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if position == 0 => write!(out, "{name}")?,
                Step::Field(name) => write!(out, ".{name}")?,
                Step::Index(index) => write!(out, "[{index}]")?,
            }
        }
        Ok(())
    }
}
