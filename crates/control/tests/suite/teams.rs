//! Who may do what in a team: its owners, its members, admins, and everybody else.

use std::time::Duration;

use control::{ControlError, Principal};
use domain::{
    BudgetLimits, KeyId, NanoUsd, RateLimits, TeamId, UserId,
    account::KeyQuery,
    team::{TeamInput, TeamRole},
};

use crate::fixture::{Fixture, MASTER_KEY, labelled, refusal};

fn input(name: &str) -> TeamInput {
    TeamInput {
        name: name.to_owned(),
        active: true,
        budget: BudgetLimits::default(),
        limits: RateLimits::default(),
    }
}

/// A team with an owner, a member and a key; and somebody who is none of that.
struct Cast {
    f: Fixture,
    team: TeamId,
    member: UserId,
    stranger: UserId,
}

impl Cast {
    async fn new() -> Self {
        let f = Fixture::new().await;
        let team = f.control.create_team(&f.admin, input("red")).await;
        let team = team.expect("a team").id;
        let owner = f.user("owner").await;
        let member = f.user("member").await;
        let stranger = f.user("stranger").await;
        let root = f.sign_in("root").await;
        for (user, role) in [(owner, TeamRole::Owner), (member, TeamRole::Member)] {
            let set = f.control.set_team_member(&root, team, user, role).await;
            set.expect("a member");
        }
        Self {
            f,
            team,
            member,
            stranger,
        }
    }

    async fn key(&self) -> KeyId {
        let root = self.f.sign_in("root").await;
        let made = self
            .f
            .control
            .create_team_key(&root, self.team, labelled("ci"))
            .await;
        made.expect("a key").key.id
    }
}

/// What a use case answers, less what it says.
fn said<T: std::fmt::Debug>(result: Result<T, ControlError>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        refused @ Err(_) => refusal(refused),
    }
}

/// Every use case of a team, each on a new one, done by `who`: those that look, and those that change.
async fn everything(who: &str) -> (Vec<String>, Vec<String>) {
    let cast = Cast::new().await;
    let (control, team) = (&cast.f.control, cast.team);
    let me: Principal = match who {
        "master" => control.master(MASTER_KEY).expect("the master key"),
        name => cast.f.sign_in(name).await,
    };
    let looks = vec![
        said(control.get_team(&me, team).await),
        said(control.team_budget(&me, team).await),
        said(control.team_members(&me, team).await),
        said(
            control
                .list_team_keys(&me, team, &KeyQuery::default())
                .await,
        ),
    ];
    let overlap = Duration::from_secs(60);
    let key = cast.key().await;
    let mut changes = vec![
        said(control.create_team_key(&me, team, labelled("more")).await),
        said(control.rotate_my_key(&me, key, overlap).await),
        said(control.set_my_key_active(&me, key, false).await),
        said(control.revoke_my_key(&me, key).await),
        said(control.delete_my_key(&me, key).await),
    ];
    let (stranger, role) = (cast.stranger, TeamRole::Owner);
    changes.push(said(
        control.set_team_member(&me, team, stranger, role).await,
    ));
    changes.push(said(
        control.add_team_member(&me, team, "stranger", role).await,
    ));
    changes.push(said(control.remove_team_member(&me, team, stranger).await));
    (looks, changes)
}

#[tokio::test]
async fn owners_run_their_team_members_see_it_and_others_do_not_know_it() {
    for who in ["owner", "root"] {
        let (looks, changes) = everything(who).await;
        assert_eq!(looks, ["done"; 4], "{who}");
        assert_eq!(changes, ["done"; 8], "{who}");
    }
    // The master key has use cases of its own for keys, which ask for an admin.
    let (looks, changes) = everything("master").await;
    assert_eq!(looks, ["done"; 4]);
    assert_eq!(changes[0], "done");
    assert_eq!(changes[1..5], ["Forbidden"; 4]);
    assert_eq!(changes[5..], ["done"; 3]);
    let (looks, changes) = everything("member").await;
    assert_eq!(looks, ["done"; 4]);
    assert_eq!(changes, ["Forbidden"; 8]);
    let (looks, mut changes) = everything("stranger").await;
    assert_eq!(looks, ["NotFound"; 4]);
    assert_eq!(
        changes.pop().as_deref(),
        Some("NotFound"),
        "they are in no team to leave"
    );
    assert_eq!(changes, ["NotFound"; 7]);
}

#[tokio::test]
async fn a_member_may_leave_but_not_rise() {
    let cast = Cast::new().await;
    let control = &cast.f.control;
    let me = cast.f.sign_in("member").await;
    let owner = TeamRole::Owner;
    let rise = control.set_team_member(&me, cast.team, cast.member, owner);
    assert_eq!(refusal(rise.await), "Forbidden");
    let left = control.remove_team_member(&me, cast.team, cast.member);
    left.await.expect("left");
    assert_eq!(refusal(control.get_team(&me, cast.team).await), "NotFound");
    assert_eq!(control.list_teams(&me).await.expect("teams"), []);
}

#[tokio::test]
async fn everybody_is_shown_their_own_teams_and_admins_all() {
    let cast = Cast::new().await;
    let control = &cast.f.control;
    let blue = control.create_team(&cast.f.admin, input("blue")).await;
    let blue = blue.expect("a team").id;
    let root = cast.f.sign_in("root").await;
    let both = control.set_team_member(&root, blue, cast.member, TeamRole::Owner);
    both.await.expect("in two teams");
    for (who, expected) in [
        (
            "member",
            vec![
                ("blue", Some(TeamRole::Owner)),
                ("red", Some(TeamRole::Member)),
            ],
        ),
        ("owner", vec![("red", Some(TeamRole::Owner))]),
        ("stranger", vec![]),
        ("root", vec![("blue", None), ("red", None)]),
    ] {
        let me = cast.f.sign_in(who).await;
        let teams = control.list_teams(&me).await.expect("teams");
        let seen: Vec<_> = teams
            .iter()
            .map(|summary| (summary.team.name.as_str(), summary.role))
            .collect();
        assert_eq!(seen, expected, "{who}");
    }
}

#[tokio::test]
async fn a_teams_name_is_its_own_and_its_end_is_that_of_its_keys() {
    let cast = Cast::new().await;
    let (control, admin) = (&cast.f.control, &cast.f.admin);
    let again = control.create_team(admin, input(" red ")).await;
    assert_eq!(refusal(again), "TeamNameTaken");
    let nameless = control.create_team(admin, input("  ")).await;
    assert_eq!(refusal(nameless), "Name Empty");
    let mut negative = input("green");
    negative.budget.daily = NanoUsd(-1);
    let negative = control.create_team(admin, negative).await;
    assert_eq!(refusal(negative), "DailyBudget Negative");
    let key = cast.key().await;
    control.delete_team(admin, cast.team).await.expect("gone");
    assert_eq!(refusal(control.get_key(admin, key).await), "NotFound");
    let gone = control.delete_team(admin, cast.team).await;
    assert_eq!(refusal(gone), "NotFound");
}
