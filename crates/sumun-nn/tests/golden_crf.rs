//! The conditional random field against all sequences of tags, written out in NumPy (`golden/crf`).

use sumun_kernels::Path;
use sumun_nn::nn::{Crf, CrfConfig, TagRules};
use sumun_nn::{Layout, Parameters, Rows};
use sumun_testing::{Golden, assert_close, golden_files};

#[test]
fn every_file_agrees_on_every_path() {
    let files = golden_files("crf");
    assert_eq!(files.len(), 5);
    for golden in files.iter().map(|path| Golden::load(path)) {
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            check(&golden, path);
        }
    }
}

fn check(golden: &Golden, path: Path) {
    let k = golden.size("tags");
    let reals = |name: &str| golden.tensor(name).reals::<f64>();
    let ids = |name: &str| -> Vec<usize> {
        golden.tensor(name).integers().iter().map(|&id| usize::try_from(id).unwrap()).collect()
    };
    let (lengths, time) = (ids("lengths"), golden.tensor("x").shape[1]);
    let layout = Layout::ragged(&lengths, time).unwrap();
    let mut parameters = Parameters::new();
    let crf = Crf::new(CrfConfig { tags: k }, &mut parameters, "crf").unwrap().on_path(path);
    let weights = [(crf.transitions(), "transitions"), (crf.start(), "start"), (crf.end(), "end")];
    for (id, name) in weights {
        parameters.value_mut(id).copy_from_slice(&golden.tensor(name).reals::<f32>());
    }
    let (next, start, end) = (ids("may_next"), ids("may_start"), ids("may_end"));
    let rules = TagRules::new(k, |from, to| match (from, to) {
        (Some(from), Some(to)) => next[from * k + to] == 1,
        (None, Some(to)) => start[to] == 1,
        (from, None) => from.is_none_or(|from| end[from] == 1),
    });
    let rules = golden.flag("ruled").then(|| rules.unwrap());
    let x = Rows::pack(&golden.tensor("x").reals::<f32>(), k, layout.clone()).unwrap();
    let (tags, best) = (ids("tags"), ids("best"));
    let mut targets = vec![0; layout.rows()];
    layout.for_each_row(|row, n, t| targets[row] = tags[n * time + t] as u32);

    let found = crf.loss_and_gradient(&mut parameters, &x, &targets, rules.as_ref()).unwrap();
    let what = |name: &str| format!("{} {path}: {name}", golden.name);
    let close = |name: &str, found: &[f32]| assert_close(&what(name), found, &reals(name), 1e-6, 1e-5);
    assert_close(&what("loss"), &[found.loss], &reals("loss"), 1e-6, 1e-6);
    close("d_x", &found.d_emissions.unpack());
    for (id, name) in [(crf.transitions(), "d_transitions"), (crf.start(), "d_start"), (crf.end(), "d_end")] {
        close(name, parameters.gradient(id));
    }
    close("marginals", &crf.marginals(&parameters, &x, rules.as_ref()).unwrap().unpack());
    let decoded = crf.decode(&parameters, &x, rules.as_ref()).unwrap();
    layout.for_each_row(|row, n, t| {
        assert_eq!(decoded[row] as usize, best[n * time + t], "{} {path}", golden.name)
    });
}
