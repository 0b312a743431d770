//! Statistics over a CSV file: the file goes in as bytes, a typed table comes out.

use std::collections::BTreeMap;

use csv::StringRecord;
use longshore_sdk::{Bytes, Error, Result, data, flow, permanent};

/// What is known of one group.
#[data]
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the rows of the group have in common.
    pub group: String,
    /// Rows with a value.
    pub count: u64,
    /// The sum by the count.
    pub mean: f64,
    /// The smallest value.
    pub min: f64,
    /// The value in the middle, or between the two in the middle.
    pub median: f64,
    /// The largest value.
    pub max: f64,
}

/// Summarizes the numbers in one column of a CSV file, for each value of another column.
///
/// The first line names the columns. Rows without a number are not counted.
#[flow(timeout = "1m", memory = "256MiB")]
pub fn stats(csv: Bytes, by: String, column: String) -> Result<Vec<Group>> {
    let mut reader = csv::Reader::from_reader(&*csv);
    let names = reader.headers().map_err(permanent)?;
    let (by, column) = (position(names, &by)?, position(names, &column)?);
    let mut groups = BTreeMap::<String, Vec<f64>>::new();
    for record in reader.records() {
        let record = record.map_err(permanent)?;
        if record[column].is_empty() {
            continue;
        }
        let value = record[column].parse().map_err(|_| not_a_number(&record, column))?;
        groups.entry(record[by].to_owned()).or_default().push(value);
    }
    Ok(groups.into_iter().map(|(group, values)| summarize(group, values)).collect())
}

fn position(names: &StringRecord, name: &str) -> Result<usize, Error> {
    names.iter().position(|candidate| candidate == name).ok_or_else(|| {
        let names = names.iter().collect::<Vec<_>>().join(", ");
        permanent(format!("there is no column {name:?}, only {names}"))
    })
}

fn not_a_number(record: &StringRecord, column: usize) -> Error {
    let line = record.position().map_or(0, csv::Position::line);
    permanent(format!("line {line}: {:?} is not a number", &record[column]))
}

/// There is at least one value: a group is made by its first.
fn summarize(group: String, mut values: Vec<f64>) -> Group {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    Group {
        group,
        count: count as u64,
        mean: values.iter().sum::<f64>() / count as f64,
        min: values[0],
        median: (values[(count - 1) / 2] + values[count / 2]) / 2.0,
        max: values[count - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(csv: &str, by: &str, column: &str) -> Result<Vec<Group>> {
        stats(Bytes::from(csv.as_bytes()), by.to_owned(), column.to_owned())
    }

    #[test]
    fn each_group_is_summarized() {
        let groups = of("kind,size\nb,4\na,1\nb,-2\nb,1\nb,\n", "kind", "size").unwrap();
        let a =
            Group { group: "a".to_owned(), count: 1, mean: 1.0, min: 1.0, median: 1.0, max: 1.0 };
        let b =
            Group { group: "b".to_owned(), count: 3, mean: 1.0, min: -2.0, median: 1.0, max: 4.0 };
        assert_eq!(groups, [a, b]);
    }

    #[test]
    fn the_median_of_an_even_count_is_between_two_values() {
        assert_eq!(of("kind,size\na,1\na,2\n", "kind", "size").unwrap()[0].median, 1.5);
    }

    #[test]
    fn an_unknown_column_is_named_with_those_that_exist() {
        let error = of("kind,size\n", "kind", "price").unwrap_err();
        assert_eq!(error.to_string(), "there is no column \"price\", only kind, size");
    }

    #[test]
    fn a_text_among_the_numbers_is_found_by_its_line() {
        let error = of("kind,size\na,1\na,much\n", "kind", "size").unwrap_err();
        assert_eq!(error.to_string(), "line 3: \"much\" is not a number");
    }

    #[test]
    fn the_weather_of_two_cities() {
        let groups = of(include_str!("../weather.csv"), "location", "temp_max").unwrap();
        let counts = groups.iter().map(|group| (&*group.group, group.count));
        assert_eq!(counts.collect::<Vec<_>>(), [("New York", 1461), ("Seattle", 1461)]);
    }
}
