from __future__ import annotations

from made_up_night import CARD, failed, make_record, make_result, make_spec

from harness.gate.compare import compare_evidence, gate_rows
from harness.gate.evidence import Evidence
from harness.gate.finding import Finding, exit_code
from harness.gate.rows import match_rows
from harness.gate.versions import changes


def night(*seeds: int, methods: tuple[str, ...] = ("none", "pvd")) -> Evidence:
    specs = [make_spec(seed=seed, role="teacher") for seed in seeds]
    specs += [make_spec(method, seed) for method in methods for seed in seeds]
    return Evidence(tuple(make_result(spec, 0.6 + 0.01 * spec.seed) for spec in specs))


def told(findings: list[Finding], figure: str) -> dict[str, tuple[str, str]]:
    return {finding.subject: (finding.verdict, finding.note) for finding in findings if finding.figure == figure}


def test_rows_meet_whatever_their_seeds_and_those_of_their_teachers() -> None:
    matched = match_rows(night(0, 1, 2), night(7))
    assert [there.name for there, _ in matched.both] == [
        "semantickitti-minkowskinet-w0.5-none",
        "semantickitti-minkowskinet-w0.5-pvd",
        "semantickitti-minkowskinet-w1-teacher",
    ]
    assert not matched.missing
    assert not matched.new
    assert [[result.spec.seed for result in here.finished] for _, here in matched.both] == [[7]] * 3


def test_rows_that_differ_in_any_setting_do_not_meet_and_say_so() -> None:
    other = make_spec("pvd").model_copy(update={"engine": "triton"})
    both = Evidence((*night(0).results, make_result(other)))
    matched = match_rows(night(0), both)
    [new] = matched.new
    assert new.name.startswith("semantickitti-minkowskinet-w0.5-pvd (")
    assert (len(matched.both), len(matched.missing)) == (3, 0)
    assert told(gate_rows(matched), "results") == {new.name: ("new", "")}


def test_a_row_that_is_not_there_could_not_be_measured() -> None:
    findings = compare_evidence(night(0, 1), night(0, 1, methods=("none",)))
    assert told(findings, "results") == {
        "semantickitti-minkowskinet-w0.5-pvd": ("could not measure", "the run has no such cell")
    }
    assert exit_code(findings) == 2
    assert findings[0].verdict == "could not measure"


def test_a_failed_cell_and_one_without_a_result_could_not_be_measured() -> None:
    results = night(0, 1).results
    run = Evidence((*results[:2], failed(results[2].spec), *results[3:5]), (results[5].spec,))
    findings = compare_evidence(night(0, 1), run)
    assert told(findings, "results") == {
        "semantickitti-minkowskinet-w0.5-none": ("could not measure", "seed 0 failed: no memory"),
        "semantickitti-minkowskinet-w0.5-pvd": ("could not measure", "seed 1 has no result"),
    }
    assert told(findings, "MACs")["semantickitti-minkowskinet-w0.5-none"] == ("pass", "")


def test_a_row_with_no_finished_cell_has_that_finding_alone() -> None:
    run = Evidence((*night(0).results[:2], failed(night(0).results[2].spec)))
    findings = compare_evidence(night(0, 1), run)
    about = [finding.figure for finding in findings if finding.subject.endswith("pvd")]
    assert about == ["results"]


def test_a_regression_weighs_more_than_what_could_not_be_measured() -> None:
    run = night(0, methods=("none",))
    heavier = run.results[0].model_copy(update={"parameters": 1})
    findings = compare_evidence(night(0, 1), Evidence((heavier, *run.results[1:])))
    assert exit_code(findings) == 1
    assert findings[0].figure == "parameters"


def test_a_reference_of_one_seed_has_no_spread_and_lets_only_the_same_figure_pass() -> None:
    one = Evidence((make_result(make_spec(), 0.6),))
    assert exit_code(compare_evidence(one, one)) == 0
    findings = compare_evidence(one, Evidence((make_result(make_spec(), 0.61),)))
    [verdict] = told(findings, "mIoU").values()
    assert verdict[0] == "could not measure"
    assert "two seeds" in verdict[1]


def test_a_test_that_nothing_could_fail_is_none() -> None:
    scores = {0: 0.02, 1: 0.04}
    reference = Evidence(tuple(make_result(make_spec(seed=seed), miou) for seed, miou in scores.items()))
    assert exit_code(compare_evidence(reference, reference)) == 0
    risen = compare_evidence(reference, Evidence((make_result(make_spec(), 0.031),)))
    assert told(risen, "mIoU") == {"semantickitti-minkowskinet-w0.5-none": ("pass", "")}
    assert ", 1 degree; line at −" in next(f.test for f in risen if f.figure == "mIoU")
    findings = compare_evidence(reference, Evidence((make_result(make_spec(), 0.02),)))
    [verdict] = told(findings, "mIoU").values()
    assert verdict == (
        "could not measure", "so few seeds tell so little of their spread that even a score of 0 would pass"
    )  # fmt: skip


def test_a_network_trained_on_the_split_is_gated_without_a_score() -> None:
    card = CARD.model_copy(update={"trained_on": ("train", "val")})
    result = make_result(make_spec()).model_copy(update={"score": None, "protocol": card})
    findings = compare_evidence(Evidence((result,)), Evidence((result,)))
    assert not told(findings, "mIoU")
    assert exit_code(findings) == 0


def test_versions_may_change_and_are_told() -> None:
    card = CARD.model_copy(update={"torch": "2.14.0", "commit": "abc"})
    run = Evidence(tuple(result.model_copy(update={"protocol": card}) for result in night(0).results))
    assert changes(night(0), night(1)) == []
    assert changes(night(0), run) == ["torch: 2.14.0; in the reference 2.13.0", "commit: abc; in the reference unknown"]
    timed = Evidence((), latency=(make_record(engine_version="2"),))
    assert "engine: portable 1, portable 2; in the reference portable 1" in changes(
        night(0), Evidence(night(0).results, latency=timed.latency)
    )


def test_seeds_that_the_reference_has_too_are_told() -> None:
    def test_of(*seeds: int) -> str:
        findings = compare_evidence(night(0, 1, 2), night(*seeds))
        return next(f.test for f in findings if f.figure == "mIoU" and f.subject.endswith("pvd"))

    assert test_of(7, 8).startswith("t: seeds: 2 after 3; ")
    assert test_of(2, 7).startswith("t: seeds: 2 after 3, of which 1 the same; ")
