//! Teams and who is in them. A team's keys are in `keys`, what it spent in the ledger.

use std::collections::HashMap;

use domain::{
    BudgetLimits, RateLimits, TeamId, Timestamp, UserId,
    team::{Team, TeamInput, TeamMember, TeamRole},
};

use crate::{
    Database, StorageError,
    terms::{TermsRow, terms_columns, tokens_column},
};

macro_rules! columns {
    () => {
        concat!(
            "teams.id, teams.name, teams.active, teams.created_at, ",
            terms_columns!("teams")
        )
    };
}

#[derive(sqlx::FromRow)]
struct TeamRow {
    id: i64,
    name: String,
    active: bool,
    #[sqlx(flatten)]
    terms: TermsRow,
    created_at: i64,
}

impl From<TeamRow> for Team {
    fn from(row: TeamRow) -> Self {
        Self {
            id: TeamId(row.id),
            name: row.name,
            active: row.active,
            budget: row.terms.budget(),
            limits: row.terms.limits(),
            created_at: Timestamp(row.created_at),
        }
    }
}

#[derive(sqlx::FromRow)]
struct CountedTeamRow {
    #[sqlx(flatten)]
    team: TeamRow,
    members: i64,
    keys: i64,
}

/// A team with how many people and keys it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedTeam {
    pub team: Team,
    pub members: u32,
    pub keys: u32,
}

macro_rules! counted {
    () => {
        concat!(
            "select ",
            columns!(),
            ", (select count(*) from team_members m where m.team_id = teams.id) as members, \
             (select count(*) from virtual_keys k where k.team_id = teams.id) as keys from teams"
        )
    };
}

impl From<CountedTeamRow> for CountedTeam {
    fn from(row: CountedTeamRow) -> Self {
        let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            team: row.team.into(),
            members: count(row.members),
            keys: count(row.keys),
        }
    }
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    user_id: i64,
    name: String,
    role: String,
}

impl Database {
    /// # Errors
    /// [`crate::Constraint::TeamName`] when the name is taken, whatever its case.
    pub async fn create_team(&self, new: &TeamInput, now: Timestamp) -> Result<Team, StorageError> {
        let TeamInput {
            name,
            active,
            budget,
            limits,
        } = new;
        let row = sqlx::query_as::<_, TeamRow>(concat!(
            "insert into teams (name, active, daily_budget_nano, monthly_budget_nano, \
             soft_daily_nano, soft_monthly_nano, requests_per_minute, tokens_per_minute, parallel, \
             created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
             returning ",
            columns!()
        ))
        .bind(name)
        .bind(active)
        .bind(budget.daily.0)
        .bind(budget.monthly.0)
        .bind(budget.soft_daily.0)
        .bind(budget.soft_monthly.0)
        .bind(i64::from(limits.requests_per_minute))
        .bind(tokens_column(limits))
        .bind(i64::from(limits.parallel))
        .bind(now.0)
        .fetch_one(self.writer())
        .await?;
        Ok(row.into())
    }

    /// `None`: there is no such team.
    ///
    /// # Errors
    /// [`crate::Constraint::TeamName`].
    pub async fn update_team(
        &self,
        id: TeamId,
        input: &TeamInput,
        now: Timestamp,
    ) -> Result<Option<Team>, StorageError> {
        let BudgetLimits {
            daily,
            monthly,
            soft_daily,
            soft_monthly,
        } = input.budget;
        let RateLimits {
            requests_per_minute,
            parallel,
            ..
        } = input.limits;
        let row = sqlx::query_as::<_, TeamRow>(concat!(
            "update teams set name = $2, active = $3, daily_budget_nano = $4, \
             monthly_budget_nano = $5, soft_daily_nano = $6, soft_monthly_nano = $7, \
             requests_per_minute = $8, tokens_per_minute = $9, parallel = $10, updated_at = $11 \
             where id = $1 returning ",
            columns!()
        ))
        .bind(id.0)
        .bind(&input.name)
        .bind(input.active)
        .bind(daily.0)
        .bind(monthly.0)
        .bind(soft_daily.0)
        .bind(soft_monthly.0)
        .bind(i64::from(requests_per_minute))
        .bind(tokens_column(&input.limits))
        .bind(i64::from(parallel))
        .bind(now.0)
        .fetch_optional(self.writer())
        .await?;
        Ok(row.map(Team::from))
    }

    /// Deletes the team with its keys; the ledger keeps its rows. `false`: there is no such team.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_team(&self, id: TeamId) -> Result<bool, StorageError> {
        let deleted = sqlx::query("delete from teams where id = $1")
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// # Errors
    /// When the database fails.
    pub async fn find_team(&self, id: TeamId) -> Result<Option<CountedTeam>, StorageError> {
        let row = sqlx::query_as::<_, CountedTeamRow>(concat!(counted!(), " where teams.id = $1"))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?;
        Ok(row.map(CountedTeam::from))
    }

    /// All of them by name, or those that `member` is in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_teams(
        &self,
        member: Option<UserId>,
    ) -> Result<Vec<CountedTeam>, StorageError> {
        let rows = sqlx::query_as::<_, CountedTeamRow>(concat!(
            counted!(),
            " where $1 is null or teams.id in (select team_id from team_members where user_id = $1) \
             order by teams.name collate nocase"
        ))
        .bind(member.map(|id| id.0))
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(CountedTeam::from).collect())
    }

    /// All of them, for reports that name them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_names(&self) -> Result<HashMap<TeamId, String>, StorageError> {
        let rows: Vec<(i64, String)> = sqlx::query_as("select id, name from teams")
            .fetch_all(self.readers())
            .await?;
        let named = rows.into_iter().map(|(id, name)| (TeamId(id), name));
        Ok(named.collect())
    }

    /// The members of a team by name; owners first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_members(&self, team: TeamId) -> Result<Vec<TeamMember>, StorageError> {
        let rows = sqlx::query_as::<_, MemberRow>(
            "select m.user_id, u.name, m.role from team_members m join users u on u.id = m.user_id \
             where m.team_id = $1 order by m.role desc, u.name collate nocase",
        )
        .bind(team.0)
        .fetch_all(self.readers())
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(TeamMember {
                    user_id: UserId(row.user_id),
                    name: row.name,
                    role: role(&row.role)?,
                })
            })
            .collect()
    }

    /// What `user` is in `team`; `None`: not a member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_role(
        &self,
        team: TeamId,
        user: UserId,
    ) -> Result<Option<TeamRole>, StorageError> {
        let found: Option<String> =
            sqlx::query_scalar("select role from team_members where team_id = $1 and user_id = $2")
                .bind(team.0)
                .bind(user.0)
                .fetch_optional(self.readers())
                .await?;
        found.as_deref().map(role).transpose()
    }

    /// The teams that `user` is a member of, and as what.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn team_roles(
        &self,
        user: UserId,
    ) -> Result<HashMap<TeamId, TeamRole>, StorageError> {
        let found: Vec<(i64, String)> =
            sqlx::query_as("select team_id, role from team_members where user_id = $1")
                .bind(user.0)
                .fetch_all(self.readers())
                .await?;
        let roles = found.into_iter();
        roles
            .map(|(team, text)| Ok((TeamId(team), role(&text)?)))
            .collect()
    }

    /// Makes `user` a member, or changes their role.
    ///
    /// # Errors
    /// [`crate::Constraint::Reference`] when there is no such team or user.
    pub async fn set_team_member(
        &self,
        team: TeamId,
        user: UserId,
        role: TeamRole,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        sqlx::query(
            "insert into team_members (team_id, user_id, role, created_at) values ($1, $2, $3, $4) \
             on conflict (team_id, user_id) do update set role = excluded.role",
        )
        .bind(team.0)
        .bind(user.0)
        .bind(role.as_str())
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// `false`: they are no member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_team_member(
        &self,
        team: TeamId,
        user: UserId,
    ) -> Result<bool, StorageError> {
        let removed = sqlx::query("delete from team_members where team_id = $1 and user_id = $2")
            .bind(team.0)
            .bind(user.0)
            .execute(self.writer())
            .await?;
        Ok(removed.rows_affected() > 0)
    }
}

fn role(text: &str) -> Result<TeamRole, StorageError> {
    TeamRole::parse(text).ok_or(StorageError::Corrupt { what: "team role" })
}
