//! Builds the bytes of `results.h5`, a function of the study, its rows and the numerics only.

use super::image::{Attribute, Image, Named, Values, words};
use super::manifest::Manifest;
use super::numerics::Numerics;
use super::schema::{self, Source, Variable};
use super::seal;
use super::summary::{CellSummary, IntervalMethod};
use super::table::Table;
use crate::stop::Outcome;
use crate::study::{Axis, AxisKey, AxisValues};

/// The file's name.
pub const FILE: &str = "results.h5";

/// The bytes of the results file of a study whose rows are all in `table`. `numerics` holds what
/// they were computed with, more than one only if the caller was asked to mix.
///
/// # Errors
/// If HDF5 fails.
pub fn build(
    manifest: &Manifest,
    numerics: &[Numerics],
    table: &Table,
    summaries: &[CellSummary],
    interval: &IntervalMethod<'_>,
) -> hdf5::Result<Vec<u8>> {
    let mut image = Image::new()?;
    write_root_attributes(&mut image, manifest)?;
    write_coordinates(&mut image, manifest)?;
    let writer = Writer { manifest, table, summaries, interval };
    for variable in schema::variables(&manifest.ladder) {
        writer.write(&mut image, &variable)?;
    }
    write_provenance(&mut image, manifest, numerics)?;
    let mut bytes = image.finish()?;
    seal::append(&mut bytes);
    Ok(bytes)
}

/// Names of the sweep's dimensions.
pub(super) fn sweep_dimensions(manifest: &Manifest) -> Vec<String> {
    manifest.axes.iter().map(|axis| axis.keys[0].variable()).collect()
}

fn write_root_attributes(image: &mut Image, manifest: &Manifest) -> hdf5::Result<()> {
    let keys: Vec<Vec<&str>> = manifest
        .axes
        .iter()
        .map(|axis| axis.keys.iter().map(|key| key.key.as_str()).collect())
        .collect();
    let sweep = serde_json::to_string(&keys).expect("plain data");
    let title = format!("{}: how likely gradient descent converges", manifest.name);
    image.attributes(&[
        ("Conventions", Attribute::Text(schema::CONVENTIONS)),
        ("title", Attribute::Text(&title)),
        ("source", Attribute::Text("deeplin: gradient descent on deep linear networks")),
        ("deeplin_format", Attribute::Text(schema::FORMAT)),
        ("format_version", Attribute::Ints(&schema::VERSION)),
        ("study", Attribute::Text(&manifest.name)),
        ("study_digest", Attribute::Text(&manifest.digest.hex())),
        // As text: not every reader has unsigned integers of 64 bits.
        ("seed", Attribute::Text(&manifest.seed.to_string())),
        ("sweep", Attribute::Text(&sweep)),
        ("config", Attribute::Text(&manifest.config)),
    ])
}

fn write_coordinates(image: &mut Image, manifest: &Manifest) -> hdf5::Result<()> {
    for axis in &manifest.axes {
        let key = &axis.keys[0];
        image.dimension(
            &key.variable(),
            coordinates(key),
            &words(&format!("swept key {}", key.key)),
        )?;
    }
    let trials: Vec<i64> = (0..manifest.trials.cast_signed()).collect();
    image.dimension(schema::TRIAL, Values::Int64(&trials), &words("number of the trial"))?;
    if !manifest.ladder.is_empty() {
        let losses = Values::Float64(&manifest.ladder);
        image.dimension(
            schema::LOSS_TARGET,
            losses,
            &words("excess loss of a rung of the ladder"),
        )?;
    }
    for axis in &manifest.axes {
        let dimension = axis.keys[0].variable();
        for key in &axis.keys[1..] {
            let meaning = format!("swept key {}, moving with {}", key.key, axis.keys[0].key);
            image.variable(&key.variable(), &[&dimension], coordinates(key), &words(&meaning))?;
        }
    }
    Ok(())
}

fn coordinates(key: &AxisKey) -> Values<'_> {
    match &key.values {
        AxisValues::Floats(v) => Values::Float64(v),
        AxisValues::Integers(v) => Values::Int64(v),
        AxisValues::Labels(v) => Values::Text(v),
    }
}

/// What the variables of the root group are written from.
struct Writer<'a> {
    manifest: &'a Manifest,
    table: &'a Table,
    summaries: &'a [CellSummary],
    interval: &'a IntervalMethod<'a>,
}

impl Writer<'_> {
    fn write(&self, image: &mut Image, variable: &Variable) -> hdf5::Result<()> {
        let name = variable.name;
        let sweep = sweep_dimensions(self.manifest);
        let trailing = variable.source.trailing().iter().copied();
        let dimensions: Vec<&str> = sweep.iter().map(String::as_str).chain(trailing).collect();

        let mut attributes = words(variable.long_name).to_vec();
        let meanings = Outcome::ALL.map(Outcome::name).join(" ");
        let codes = Outcome::ALL.map(|outcome| outcome as i8);
        match variable.source {
            Source::Outcome => attributes.extend([
                ("flag_values", Attribute::Codes(&codes)),
                ("flag_meanings", Attribute::Text(&meanings)),
            ]),
            Source::Bound(_) => attributes.extend([
                ("method", Attribute::Text(self.interval.method)),
                ("level", Attribute::Float(self.interval.level)),
            ]),
            _ => {}
        }
        let moving = auxiliary_coordinates(&self.manifest.axes);
        if !moving.is_empty() {
            attributes.push(("coordinates", Attribute::Text(&moving)));
        }

        let mut put = |values: Values<'_>| image.variable(name, &dimensions, values, &attributes);
        match variable.source {
            Source::Outcome => put(Values::Int8(self.table.outcome())),
            Source::Steps => self.put_steps(self.table.steps(), put),
            Source::HitSteps => self.put_steps(self.table.hit_steps(), put),
            Source::Measure(i) => put(Values::Float64(self.table.measure(i))),
            Source::Count(get) => {
                let counts: Vec<i64> =
                    self.summaries.iter().map(|s| get(s).cast_signed()).collect();
                put(Values::Int64(&counts))
            }
            Source::Estimate(get) | Source::Bound(get) => {
                let numbers: Vec<f64> = self.summaries.iter().map(get).collect();
                put(Values::Float64(&numbers))
            }
        }
    }

    /// Steps in the narrowest type that holds the largest budget of any cell.
    fn put_steps(
        &self,
        steps: &[i64],
        mut put: impl FnMut(Values<'_>) -> hdf5::Result<()>,
    ) -> hdf5::Result<()> {
        if i32::try_from(self.manifest.max_steps).is_err() {
            return put(Values::Int64(steps));
        }
        let narrow = steps
            .iter()
            .map(|&n| i32::try_from(n))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "a number of steps exceeds the largest budget")?;
        put(Values::Int32(&narrow))
    }
}

/// Keys that move with the first of their axis: CF's auxiliary coordinate variables.
fn auxiliary_coordinates(axes: &[Axis]) -> String {
    let moving = axes.iter().flat_map(|axis| &axis.keys[1..]);
    moving.map(AxisKey::variable).collect::<Vec<_>>().join(" ")
}

fn write_provenance(
    image: &mut Image,
    manifest: &Manifest,
    numerics: &[Numerics],
) -> hdf5::Result<()> {
    let fields: Vec<(&str, String)> = Numerics::default()
        .fields()
        .iter()
        .enumerate()
        .map(|(i, &(name, _))| (name, distinct(numerics.iter().map(|n| n.fields()[i].1))))
        .collect();
    let mut attributes: Vec<Named<'_>> =
        fields.iter().map(|(name, text)| (*name, Attribute::Text(text))).collect();
    let mixed = serde_json::to_string(numerics).expect("plain data");
    if numerics.len() > 1 {
        attributes.push(("mixed_numerics", Attribute::Text(&mixed)));
    }
    image.group(schema::PROVENANCE, &attributes)?;
    write_by_cell(image, manifest, "kernel", "kernel that computed the cell", |k| &k.kernel)?;
    write_by_cell(image, manifest, "precision", "format of its numbers", |k| &k.precision)
}

/// Different texts in the order of their first appearance.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join("; ")
}

/// A word for each cell, as CF flags.
fn write_by_cell(
    image: &mut Image,
    manifest: &Manifest,
    name: &str,
    long_name: &str,
    word: impl Fn(&super::CellKernel) -> &String,
) -> hdf5::Result<()> {
    let mut meanings: Vec<&String> = manifest.kernels.iter().map(&word).collect();
    meanings.sort_unstable();
    meanings.dedup();
    let codes = (0..=i8::MAX).take(meanings.len()).collect::<Vec<_>>();
    if codes.len() < meanings.len() {
        return Err(format!("there are more than {} different {name}s", codes.len()).into());
    }
    let values: Vec<i8> = manifest
        .kernels
        .iter()
        .map(|cell| codes[meanings.partition_point(|&m| m < word(cell))])
        .collect();
    let text = meanings.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(" ");
    let mut attributes = words(long_name).to_vec();
    attributes.extend([
        ("flag_values", Attribute::Codes(&codes)),
        ("flag_meanings", Attribute::Text(&text)),
    ]);
    let sweep = sweep_dimensions(manifest);
    let dimensions: Vec<&str> = sweep.iter().map(String::as_str).collect();
    let path = format!("{}/{name}", schema::PROVENANCE);
    image.variable(&path, &dimensions, Values::Int8(&values), &attributes)
}
