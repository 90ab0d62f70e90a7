//! Teams: made by admins, run by their owners. A member sees the team's keys, budget and usage; an owner
//! manages members and keys within the budget and limits that an admin has set.

use std::collections::HashMap;

use domain::{
    BudgetScope, KeyId, KeyOwner, TeamId, UserId, VirtualKey,
    account::{KeyQuery, KeySummary, NewKeyInput},
    budget::BudgetStatus,
    page::{Page, PageWindow},
    team::{Team, TeamInput, TeamMember, TeamRole, TeamSummary},
    validation,
};
use storage::CountedTeam;

use crate::{Admin, Control, ControlError, Principal, ShownKey, error::found};

impl Control {
    /// # Errors
    /// [`ControlError::Invalid`], [`domain::validation::Conflict::TeamNameTaken`].
    pub async fn create_team(&self, admin: &Admin, input: TeamInput) -> Result<Team, ControlError> {
        let input = checked(input)?;
        self.change(admin.does("team.create"), move |control| async move {
            let team = control.db().create_team(&input, control.now()).await?;
            control.tell_subject(team.id);
            Ok(team)
        })
        .await
    }

    /// # Errors
    /// [`ControlError::NotFound`], and as [`Control::create_team`].
    pub async fn update_team(
        &self,
        admin: &Admin,
        id: TeamId,
        input: TeamInput,
    ) -> Result<Team, ControlError> {
        let input = checked(input)?;
        let act = admin.does("team.update").on(id);
        self.change(act, move |control| async move {
            let team = control.db().update_team(id, &input, control.now()).await?;
            team.ok_or(ControlError::NotFound)
        })
        .await
    }

    /// Deletes the team and its keys. The ledger keeps what they spent.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_team(&self, admin: &Admin, id: TeamId) -> Result<(), ControlError> {
        let act = admin.does("team.delete").on(id);
        self.change(act, move |control| async move {
            found(control.db().delete_team(id).await?)
        })
        .await
    }

    /// All teams by name for an admin, one's own for everybody else.
    ///
    /// # Errors
    /// [`ControlError::PasswordChangeRequired`].
    pub async fn list_teams(
        &self,
        principal: &Principal,
    ) -> Result<Vec<TeamSummary>, ControlError> {
        let member = match principal.viewer() {
            Ok(_) => None,
            Err(ControlError::Forbidden) => Some(principal.owner()?),
            Err(other) => return Err(other),
        };
        let teams = self.db().list_teams(member).await?;
        self.team_summaries(principal, teams).await
    }

    /// The teams that one is a member of, by name.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for the master key, [`ControlError::PasswordChangeRequired`].
    pub async fn my_teams(&self, principal: &Principal) -> Result<Vec<TeamSummary>, ControlError> {
        let teams = self.db().list_teams(Some(principal.owner()?)).await?;
        self.team_summaries(principal, teams).await
    }

    /// One page of the teams whose names contain `search`, without regard to case, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_teams(
        &self,
        admin: &Admin,
        search: &str,
        page: u32,
    ) -> Result<Page<TeamSummary>, ControlError> {
        let search = search.trim().to_lowercase();
        let mut teams = self.db().list_teams(None).await?;
        teams.retain(|counted| counted.team.name.to_lowercase().contains(&search));
        let mut page = PageWindow::new(page, 0).of(teams);
        let teams = std::mem::take(&mut page.rows);
        let rows = self.team_summaries(&admin.principal(), teams).await?;
        Ok(page.with_rows(rows))
    }

    /// # Errors
    /// [`ControlError::NotFound`] also for who is neither a member nor an admin.
    pub async fn get_team(
        &self,
        principal: &Principal,
        id: TeamId,
    ) -> Result<TeamSummary, ControlError> {
        self.team_role(principal, id).await?;
        let team = self
            .db()
            .find_team(id)
            .await?
            .ok_or(ControlError::NotFound)?;
        let mut summaries = self.team_summaries(principal, vec![team]).await?;
        summaries.pop().ok_or(ControlError::NotFound)
    }

    /// # Errors
    /// As [`Control::get_team`].
    pub async fn team_budget(
        &self,
        principal: &Principal,
        id: TeamId,
    ) -> Result<BudgetStatus, ControlError> {
        let summary = self.get_team(principal, id).await?;
        let whose = BudgetScope::Team(id);
        self.budget_status(whose, summary.team.budget).await
    }

    /// # Errors
    /// As [`Control::get_team`].
    pub async fn team_members(
        &self,
        principal: &Principal,
        id: TeamId,
    ) -> Result<Vec<TeamMember>, ControlError> {
        self.team_role(principal, id).await?;
        Ok(self.db().team_members(id).await?)
    }

    /// Makes a user a member, or changes their role.
    ///
    /// # Errors
    /// [`ControlError::Forbidden`] for members who are no owners, [`ControlError::NotFound`] also when
    /// there is no such user.
    pub async fn set_team_member(
        &self,
        principal: &Principal,
        team: TeamId,
        user: UserId,
        role: TeamRole,
    ) -> Result<(), ControlError> {
        self.may_run(principal, team).await?;
        let act = principal.does("team.set_member").on(team);
        self.change(act, move |control| async move {
            let (db, now) = (control.db(), control.now());
            Ok(db.set_team_member(team, user, role, now).await?)
        })
        .await
    }

    /// The same by the user's name, which is how owners know people.
    ///
    /// # Errors
    /// As [`Control::set_team_member`].
    pub async fn add_team_member(
        &self,
        principal: &Principal,
        team: TeamId,
        name: &str,
        role: TeamRole,
    ) -> Result<(), ControlError> {
        self.may_run(principal, team).await?;
        let user = self.db().find_user_by_name(name.trim()).await?;
        let user = user.ok_or(ControlError::NotFound)?;
        self.set_team_member(principal, team, user.id, role).await
    }

    /// Owners remove anybody, and members themselves.
    ///
    /// # Errors
    /// As [`Control::set_team_member`].
    pub async fn remove_team_member(
        &self,
        principal: &Principal,
        team: TeamId,
        user: UserId,
    ) -> Result<(), ControlError> {
        if principal.user_id() != Some(user) {
            self.may_run(principal, team).await?;
        } else {
            self.team_role(principal, team).await?;
        }
        let act = principal.does("team.remove_member").on(team);
        self.change(act, move |control| async move {
            found(control.db().remove_team_member(team, user).await?)
        })
        .await
    }

    /// # Errors
    /// As [`Control::get_team`].
    pub async fn list_team_keys(
        &self,
        principal: &Principal,
        team: TeamId,
        query: &KeyQuery,
    ) -> Result<Page<KeySummary>, ControlError> {
        self.team_role(principal, team).await?;
        let query = KeyQuery {
            team_id: Some(team),
            user_id: None,
            ..query.clone()
        };
        self.key_summaries(&query).await
    }

    /// # Errors
    /// [`ControlError::Invalid`], and as [`Control::set_team_member`].
    pub async fn create_team_key(
        &self,
        principal: &Principal,
        team: TeamId,
        input: NewKeyInput,
    ) -> Result<ShownKey, ControlError> {
        self.may_run(principal, team).await?;
        let owner = KeyOwner::Team(team);
        if !principal.is_admin() {
            self.within_owner(owner, input.budget).await?;
        }
        self.make_key(principal.does("key.create"), owner, input)
            .await
    }

    /// Who may do something with a key that is not their own: the owners of its team.
    pub(crate) async fn may_run_key(
        &self,
        principal: &Principal,
        key: &VirtualKey,
    ) -> Result<(), ControlError> {
        match key.owner {
            KeyOwner::User(user) if principal.owner()? == user => Ok(()),
            KeyOwner::User(_) => Err(ControlError::NotFound),
            KeyOwner::Team(team) => self.may_run(principal, team).await,
        }
    }

    /// What who asks is in the team; an admin is as good as an owner, whoever sees everything as a member.
    pub(crate) async fn team_role(
        &self,
        principal: &Principal,
        team: TeamId,
    ) -> Result<TeamRole, ControlError> {
        match principal.admin() {
            Ok(_) => self.team(team).await.map(|_| TeamRole::Owner),
            Err(ControlError::Forbidden) => {
                let role = match principal.user_id() {
                    Some(_) => self.db().team_role(team, principal.owner()?).await?,
                    None => None,
                };
                if role.is_none() && principal.viewer().is_ok() {
                    return self.team(team).await.map(|_| TeamRole::Member);
                }
                role.ok_or(ControlError::NotFound)
            }
            Err(other) => Err(other),
        }
    }

    pub(crate) async fn team(&self, id: TeamId) -> Result<Team, ControlError> {
        let found = self.db().find_team(id).await?;
        found
            .map(|counted| counted.team)
            .ok_or(ControlError::NotFound)
    }

    async fn may_run(&self, principal: &Principal, team: TeamId) -> Result<(), ControlError> {
        match self.team_role(principal, team).await? {
            TeamRole::Owner => Ok(()),
            TeamRole::Member => Err(ControlError::Forbidden),
        }
    }

    async fn team_summaries(
        &self,
        principal: &Principal,
        teams: Vec<CountedTeam>,
    ) -> Result<Vec<TeamSummary>, ControlError> {
        let scopes: Vec<BudgetScope> = teams
            .iter()
            .map(|counted| BudgetScope::Team(counted.team.id))
            .collect();
        let [today, month] = self.spends_after_resets(&scopes).await?;
        let roles = match principal.user_id() {
            Some(user) => self.db().team_roles(user).await?,
            None => HashMap::new(),
        };
        let summaries = teams.into_iter().map(|counted| {
            let scope = BudgetScope::Team(counted.team.id);
            TeamSummary {
                members: counted.members,
                keys: counted.keys,
                spent_today: today.get(&scope).copied().unwrap_or_default(),
                spent_this_month: month.get(&scope).copied().unwrap_or_default(),
                role: roles.get(&counted.team.id).copied(),
                team: counted.team,
            }
        });
        Ok(summaries.collect())
    }

    /// The key, if who asks may do something with it.
    pub(crate) async fn runnable_key(
        &self,
        principal: &Principal,
        id: KeyId,
    ) -> Result<VirtualKey, ControlError> {
        principal.owner()?;
        // Keys never change hands, so that what is done next is done to the key that was checked.
        let key = self
            .db()
            .find_key(id)
            .await?
            .ok_or(ControlError::NotFound)?;
        self.may_run_key(principal, &key).await?;
        Ok(key)
    }
}

fn checked(input: TeamInput) -> Result<TeamInput, ControlError> {
    Ok(TeamInput {
        name: validation::user_name(&input.name)?,
        active: input.active,
        budget: validation::budget_limits(input.budget)?,
        limits: validation::rate_limits(input.limits)?,
    })
}
