//! Tests of the reconciliation and of the plan to clean.

use std::collections::BTreeSet;

use bottle_contract::id::{BottleId, Role};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const OURS: &str = "1000.abc";
const THEIRS: &str = "1001.abc";

fn id(number: u8) -> BottleId {
    BottleId::new(&"agent".parse().unwrap(), [number; 6])
}

fn record(id: BottleId, phase: Phase, keep: Option<Keep>) -> Record {
    Record {
        format: FORMAT,
        id,
        agent: "agent".to_owned(),
        backend: "docker".to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        owner: OURS.to_owned(),
        version: "0.1.0".to_owned(),
        manifest: "00".to_owned(),
        source: None,
        phase,
        pid: None,
        exit: None,
        keep,
        accepts: None,
        audit_head: None,
        course: Course::default(),
    }
}

fn resource(id: BottleId, role: Role, running: bool, owner: &str) -> Observed {
    let kind = match role {
        Role::Agent | Role::Sidecar => ResourceKind::Container,
        Role::Internal | Role::Egress | Role::Image => ResourceKind::Network,
    };
    Observed {
        name: id.resource(role),
        id,
        role,
        kind,
        running: running && kind == ResourceKind::Container,
        backend: "docker".to_owned(),
        owner: owner.to_owned(),
        exit: None,
        created: None,
    }
}

/// What there is of the one bottle of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    Nothing,
    Network,
    Stopped,
    Unattended,
    Running,
}

impl Made {
    fn resources(self) -> Vec<Observed> {
        let made = |role, running| resource(id(1), role, running, OURS);
        match self {
            Self::Nothing => vec![],
            Self::Network => vec![made(Role::Egress, false)],
            Self::Stopped => vec![made(Role::Internal, false), made(Role::Agent, false)],
            Self::Unattended => vec![made(Role::Sidecar, true), made(Role::Agent, false)],
            Self::Running => vec![made(Role::Internal, false), made(Role::Agent, true)],
        }
    }
}

/// What the state folder has of the one bottle of a case.
#[derive(Clone, Copy, Debug)]
enum Folder {
    Missing,
    Damaged,
    With(Phase, Option<Keep>),
}

fn check(folder: Folder, made: Made, locked: &[BottleId], expected: Status) {
    let view = |record| RecordView { id: id(1), record };
    let stored = match folder {
        Folder::Missing => vec![],
        Folder::Damaged => vec![view(None)],
        Folder::With(phase, keep) => vec![view(Some(record(id(1), phase, keep)))],
    };
    let locks = locked.iter().cloned().collect();
    let bottles = reconcile(OURS, &stored, &made.resources(), &locks);
    assert_eq!(bottles.len(), 1);
    assert_eq!(
        bottles[0].status, expected,
        "{folder:?} {made:?} {locked:?}"
    );
}

#[test]
fn a_living_launcher_tells_by_its_record() {
    for (phase, expected) in [
        (Phase::Creating, Status::Starting),
        (Phase::Restarting, Status::Starting),
        (Phase::Running, Status::Running),
        (Phase::Detached, Status::Detached),
        (Phase::Ended, Status::Ending),
        (Phase::Failed, Status::Ending),
    ] {
        for made in [Made::Nothing, Made::Network, Made::Running] {
            check(Folder::With(phase, None), made, &[id(1)], expected);
        }
    }
    check(Folder::Damaged, Made::Nothing, &[id(1)], Status::Starting);
}

#[test]
fn a_launcher_that_died_leaves_an_orphan_or_a_leftover() {
    for phase in [Phase::Creating, Phase::Running, Phase::Ended, Phase::Failed] {
        let stored = Folder::With(phase, None);
        for made in [Made::Network, Made::Stopped, Made::Running] {
            check(stored, made, &[], Status::Orphaned);
        }
        check(stored, Made::Nothing, &[], Status::Leftover);
    }
    check(Folder::Damaged, Made::Running, &[], Status::Orphaned);
    check(Folder::Damaged, Made::Nothing, &[], Status::Leftover);
}

#[test]
fn a_detached_bottle_runs_or_has_stopped() {
    let stored = Folder::With(Phase::Detached, None);
    check(stored, Made::Running, &[], Status::Detached);
    check(stored, Made::Stopped, &[], Status::Stopped);
    check(stored, Made::Nothing, &[], Status::Leftover);
    // The agent has ended, and its sidecar goes on.
    check(stored, Made::Unattended, &[], Status::Stopped);
}

#[test]
fn what_a_killed_start_leaves_is_stopped_and_not_left_over() {
    let stored = Folder::With(Phase::Restarting, Some(Keep::Asked));
    for made in [Made::Stopped, Made::Unattended, Made::Running] {
        check(stored, made, &[], Status::Stopped);
    }
    check(stored, Made::Nothing, &[], Status::Ended);
}

#[test]
fn what_was_asked_for_is_kept() {
    for phase in [Phase::Ended, Phase::Failed] {
        let asked = Folder::With(phase, Some(Keep::Asked));
        check(asked, Made::Nothing, &[], Status::Ended);
        // What was kept is the state: a resource is left over.
        check(asked, Made::Stopped, &[], Status::Orphaned);
        check(asked, Made::Running, &[], Status::Orphaned);
        let failed = Folder::With(phase, Some(Keep::Failed));
        check(failed, Made::Nothing, &[], Status::Leftover);
        check(failed, Made::Stopped, &[], Status::Orphaned);
    }
}

#[test]
fn what_a_newer_version_wrote_is_left_to_it() {
    let newer = Folder::With(Phase::Unknown, None);
    check(newer, Made::Running, &[], Status::Detached);
    check(newer, Made::Stopped, &[], Status::Stopped);
    check(newer, Made::Nothing, &[], Status::Ended);
}

#[test]
fn resources_without_a_record_are_unknown() {
    check(Folder::Missing, Made::Running, &[], Status::Unknown);
    check(Folder::Missing, Made::Network, &[], Status::Unknown);
}

#[test]
fn resources_of_others_are_not_seen() {
    let theirs = [resource(id(1), Role::Agent, true, THEIRS)];
    assert_eq!(reconcile(OURS, &[], &theirs, &BTreeSet::new()), []);
    assert_eq!(reconcile(THEIRS, &[], &theirs, &BTreeSet::new()).len(), 1);
}

#[test]
fn a_plan_removes_containers_then_networks() {
    let all = [Role::Egress, Role::Internal, Role::Sidecar, Role::Agent];
    let observed: Vec<Observed> = all
        .iter()
        .map(|role| resource(id(1), *role, true, OURS))
        .collect();
    let view = RecordView {
        id: id(1),
        record: Some(record(id(1), Phase::Running, None)),
    };
    let bottles = reconcile(OURS, &[view], &observed, &BTreeSet::new());
    let roles = |scope| -> Vec<Role> {
        let plan = plan_clean(&bottles, scope);
        assert!(plan.bottles[0].state);
        plan.bottles[0]
            .resources
            .iter()
            .map(|resource| resource.role)
            .collect()
    };
    let leftovers = [Role::Agent, Role::Sidecar, Role::Internal, Role::Egress];
    assert_eq!(roles(Scope::Leftovers), leftovers);
    assert_eq!(roles(Scope::All), leftovers);
}

#[test]
fn leftovers_go_and_the_rest_stays_until_all_goes() {
    for (status, leftovers, all) in [
        (Status::Starting, false, false),
        (Status::Running, false, false),
        (Status::Ending, false, false),
        (Status::Detached, false, true),
        (Status::Stopped, false, true),
        (Status::Orphaned, true, true),
        (Status::Ended, false, true),
        (Status::Leftover, true, true),
        (Status::Unknown, false, true),
    ] {
        let bottle = Bottle {
            id: id(1),
            status,
            held: false,
            stored: true,
            record: None,
            resources: vec![],
        };
        let goes = |scope| !plan_clean(std::slice::from_ref(&bottle), scope).is_empty();
        assert_eq!(
            (goes(Scope::Leftovers), goes(Scope::All)),
            (leftovers, all),
            "{status:?}"
        );
    }
}

fn any_observed() -> impl Strategy<Value = Vec<Observed>> {
    let roles = [Role::Agent, Role::Sidecar, Role::Internal, Role::Egress];
    let one = (
        0..6_u8,
        select(roles.to_vec()),
        any::<bool>(),
        select(vec![OURS, THEIRS]),
    )
        .prop_map(|(number, role, running, owner)| resource(id(number), role, running, owner));
    proptest::collection::vec(one, 0..20)
}

fn any_stored() -> impl Strategy<Value = Vec<RecordView>> {
    let phases = [
        Phase::Creating,
        Phase::Running,
        Phase::Detached,
        Phase::Ended,
        Phase::Failed,
        Phase::Unknown,
    ];
    let keeps = [None, Some(Keep::Asked), Some(Keep::Failed)];
    let one = (
        select(phases.to_vec()),
        select(keeps.to_vec()),
        any::<bool>(),
    );
    proptest::collection::btree_map(0..6_u8, one, 0..6).prop_map(|stored| {
        stored
            .into_iter()
            .map(|(number, (phase, keep, readable))| RecordView {
                id: id(number),
                record: readable.then(|| record(id(number), phase, keep)),
            })
            .collect()
    })
}

fn any_locks() -> impl Strategy<Value = BTreeSet<BottleId>> {
    proptest::collection::btree_set((0..6_u8).prop_map(id), 0..4)
}

proptest! {
    /// Nothing is lost and nothing is counted twice; each id comes once, in order.
    #[test]
    fn every_resource_of_ours_is_in_exactly_one_bottle(
        stored in any_stored(), observed in any_observed(), locks in any_locks(),
    ) {
        let bottles = reconcile(OURS, &stored, &observed, &locks);
        let key = |resource: &Observed| format!("{resource:?}");
        let mut ours: Vec<String> = observed.iter().filter(|resource| resource.owner == OURS).map(key).collect();
        let mut seen: Vec<String> = bottles.iter().flat_map(|bottle| &bottle.resources).map(key).collect();
        ours.sort();
        seen.sort();
        prop_assert_eq!(seen, ours);
        prop_assert!(bottles.windows(2).all(|pair| pair[0].id < pair[1].id));
        prop_assert!(bottles.iter().all(|bottle| bottle.resources.iter().all(|resource| resource.id == bottle.id)));
    }

    /// Whatever else is true: a held lock protects, and what is not ours is never touched.
    #[test]
    fn a_plan_never_touches_what_is_held_or_not_ours(
        stored in any_stored(), observed in any_observed(), locks in any_locks(),
    ) {
        let bottles = reconcile(OURS, &stored, &observed, &locks);
        for scope in [Scope::Leftovers, Scope::All] {
            let plan = plan_clean(&bottles, scope);
            prop_assert!(plan.bottles.iter().all(|item| !locks.contains(&item.id)));
            for item in &plan.bottles {
                prop_assert!(item.resources.iter().all(|resource| resource.owner == OURS));
                prop_assert!(item.resources.is_sorted_by_key(|resource| resource.kind));
            }
        }
        // The positive control: everything of ours that nobody holds does go, but for what runs without a record.
        let all = plan_clean(&bottles, Scope::All);
        let gone: usize = all.bottles.iter().map(|item| item.resources.len()).sum();
        let elsewhere = |bottle: &Bottle| bottle.status == Status::Unknown && bottle.resources.iter().any(|found| found.running);
        let free: usize = bottles
            .iter()
            .filter(|bottle| !locks.contains(&bottle.id) && !elsewhere(bottle))
            .map(|bottle| bottle.resources.len())
            .sum();
        prop_assert_eq!(gone, free);
    }
}

#[test]
fn a_detached_agent_whose_time_was_over_is_told_from_one_that_ended() {
    let check = |timeout, exit, running, expected| {
        let mut record = record(id(1), Phase::Detached, None);
        record.course.timeout = timeout;
        let mut agent = resource(id(1), Role::Agent, running, OURS);
        agent.exit = exit;
        let view = RecordView {
            id: id(1),
            record: Some(record),
        };
        let bottles = reconcile(OURS, &[view], &[agent], &BTreeSet::new());
        assert_eq!(bottles[0].ended_by(), expected, "{timeout:?} {exit:?}");
    };
    check(Some(60), Some(124), false, Some(EndedBy::Timeout));
    check(Some(60), Some(3), false, None);
    check(Some(60), None, true, None);
    // Without a bound the status is the agent's own.
    check(None, Some(124), false, None);
}
