//! The sentences in French.

use api::runs::AnnotationLevel;

use super::{ApplicationLabels, Column, IncidentLabels, Words};
use crate::commands::cluster_add::KubeconfigProblem;

/// French. A no-break space stands before `:`, `;`, `!`, `?` and inside of « ».
pub struct French;

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number < 2 { one } else { many })
}

impl Words for French {
    fn column(&self, column: Column) -> &'static str {
        match column {
            Column::Address => "adresse",
            Column::Actor => "acteur",
            Column::Application => "application",
            Column::Artifact => "artefact",
            Column::At => "date",
            Column::Author => "auteur",
            Column::Clone => "clone",
            Column::Code => "code",
            Column::Commit => "commit",
            Column::DefaultBranch => "branche par défaut",
            Column::Environment => "environnement",
            Column::Event => "événement",
            Column::Expires => "expire",
            Column::Generation => "génération",
            Column::Health => "santé",
            Column::Id => "identifiant",
            Column::Kind => "genre",
            Column::Message => "message",
            Column::Name => "nom",
            Column::Namespace => "espace de noms",
            Column::Number => "numéro",
            Column::Opened => "ouvert",
            Column::Outcome => "issue",
            Column::Ready => "prête",
            Column::Reason => "raison",
            Column::Rendered => "rendu",
            Column::Repository => "dépôt",
            Column::Revision => "révision",
            Column::Role => "rôle",
            Column::Run => "exécution",
            Column::For => "pour",
            Column::Secret => "secret",
            Column::Sequence => "nº",
            Column::State => "état",
            Column::Subject => "sujet",
            Column::Sync => "synchro",
            Column::Title => "titre",
            Column::Topic => "thème",
            Column::Verdict => "verdict",
            Column::Version => "version",
            Column::WaitsFor => "attend",
            Column::What => "quoi",
            Column::When => "quand",
            Column::Who => "qui",
            Column::Workflow => "workflow",
        }
    }

    fn state<'a>(&self, state: &'a str) -> &'a str {
        match state {
            "healthy" => "saine",
            "progressing" => "en cours",
            "degraded" => "dégradée",
            "suspended" => "suspendue",
            "missing" => "absente",
            "unknown" => "inconnue",
            "sick" => "malade",
            "inconclusive" => "indécis",
            "synced" => "synchronisée",
            "out_of_sync" => "en écart",
            "blocked" => "bloquée",
            "success" => "réussie",
            "failure" => "échouée",
            "cancelled" => "annulée",
            "skipped" | "skipped_by_condition" => "sautée",
            "queued" => "en attente",
            "running" => "en cours",
            "completed" => "terminée",
            "open" => "ouverte",
            "merged" => "fusionnée",
            "closed" => "fermée",
            "resolved" => "résolu",
            "approve" => "approbation",
            "request_changes" => "changements demandés",
            "pending" => "attendue",
            "admin" => "administration",
            "read" => "lecture",
            "write" => "écriture",
            "delivered" => "reçue",
            "person" => "personne",
            "machine" => "machine",
            other => other,
        }
    }

    fn yes(&self, yes: bool) -> &'static str {
        if yes { "oui" } else { "non" }
    }

    fn none(&self) -> &'static str {
        "aucune"
    }

    fn none_yet(&self) -> &'static str {
        "aucun encore"
    }

    fn error(&self, text: &str) -> String {
        format!("erreur : {text}")
    }

    fn problem(&self, code: &str, detail: &str) -> String {
        format!("erreur[{code}] : {detail}")
    }

    fn caused_by(&self, cause: &str) -> String {
        format!("  cause : {cause}")
    }

    fn next(&self, command: &str) -> String {
        format!("  essayez : {command}")
    }

    fn unreachable(&self, url: &str) -> String {
        format!(
            "le serveur à {url} ne répond pas\n  essayez : boucle up, ou nommez-en un autre par BOUCLE_URL ou --data"
        )
    }

    fn no_server(&self, folder: &str) -> String {
        format!(
            "aucun serveur n’est connu pour le dossier de données {folder}\n  essayez : boucle up --data {folder}, ou donnez BOUCLE_URL et BOUCLE_TOKEN"
        )
    }

    fn needs_terminal(&self) -> &'static str {
        "la vue plein écran exige un terminal\n  essayez : boucle status"
    }

    fn unknown_code(&self, code: &str) -> String {
        format!("« {code} » n’est pas un code de cette version\n  essayez : boucle explain")
    }

    fn unknown_topic(&self, topic: &str) -> String {
        format!("il n’y a pas de page sur « {topic} »\n  essayez : boucle docs")
    }

    fn log_name_wrong(&self) -> &'static str {
        "le journal d’une exécution se nomme run/NUMÉRO/TÂCHE, par exemple run/3/test"
    }

    fn asking(&self) -> &'static str {
        "en attente du serveur"
    }

    fn status(&self, version: &str, url: &str) -> String {
        format!("boucle {version} à {url}")
    }

    fn counts(&self, runs: u64, incidents: u64, facts: u64) -> String {
        format!(
            "{}, {}, {}",
            count(runs, "exécution active", "exécutions actives"),
            count(incidents, "incident ouvert", "incidents ouverts"),
            count(facts, "fait", "faits")
        )
    }

    fn watch_keys(&self) -> &'static str {
        "↑↓ choisir   q quitter"
    }

    fn waiting(&self, application: &str, health: &str, sync: &str) -> String {
        format!("en attente de {application} : {health}, {sync}")
    }

    fn application_is(&self, application: &str, health: &str) -> String {
        format!("{application} est {health}")
    }

    fn still(&self, application: &str, health: &str, sync: &str, seconds: u64) -> String {
        format!("{application} est toujours {health} et {sync} après {seconds} s")
    }

    fn no_difference(&self) -> &'static str {
        "aucun écart : ce qui tourne est ce que dit Git"
    }

    fn reverts(&self, revert: &str, reverted: &str) -> String {
        format!("{revert} annule {reverted}")
    }

    fn would_revert(&self, commit: &str, subject: &str) -> String {
        format!("un commit annulerait {commit} « {subject} » :")
    }

    fn repository_made(&self, name: &str) -> String {
        format!("{name} est créé")
    }

    fn promoted(&self, artifact: &str, environment: &str) -> String {
        format!("{artifact} va en {environment}")
    }

    fn promotion_proposed(&self, artifact: &str, environment: &str, number: u64) -> String {
        format!(
            "la demande de changement nº {number} promeut {artifact} en {environment} ; elle attend une relecture"
        )
    }

    fn valid_until(&self, time: &str) -> String {
        format!("valable jusqu’au {time}")
    }

    fn revoked(&self) -> &'static str {
        "révoqué"
    }

    fn removed(&self) -> &'static str {
        "supprimé"
    }

    fn ask_secret(&self) -> &'static str {
        "Valeur (non affichée) : "
    }

    fn secret_use(&self, decrypts: bool) -> &'static str {
        if decrypts { "fichiers SOPS" } else { "tâches" }
    }

    fn secret_set(&self, name: &str, of_jobs: bool) -> String {
        if !of_jobs {
            return format!("{name} est donné, et utilisé désormais");
        }
        format!("{name} est donné ; les tâches qui démarrent désormais le reçoivent")
    }

    fn missing_secret(&self, name: &str) -> String {
        format!("{name} (manque)")
    }

    fn told(&self, route: &str) -> String {
        format!("{route} a reçu l’essai")
    }

    fn annotation(&self, level: AnnotationLevel, job: &str, text: &str) -> String {
        let level = match level {
            AnnotationLevel::Notice => "remarque",
            AnnotationLevel::Warning => "avertissement",
            AnnotationLevel::Error => "erreur",
        };
        format!("{level} de {job} : {text}")
    }

    fn stored(&self, name: &str, bytes: u64) -> String {
        format!("gardé {name}, {bytes} octets")
    }

    fn downloaded(&self, file: &str, bytes: u64) -> String {
        format!("{file} écrit, {bytes} octets")
    }

    fn synchronisation_asked(&self, application: &str) -> String {
        format!(
            "{application} est en cours de synchronisation ; suivez avec `boucle app show {application}`"
        )
    }

    fn synchronisation_ended(&self, application: &str) -> String {
        format!("la synchronisation de {application} prend fin")
    }

    fn action_done(&self, action: &str, object: &str) -> String {
        format!("{action} est fait sur {object}")
    }

    fn deletions_confirmed(&self, application: &str) -> String {
        format!("confirmé ; {application} est planifiée à nouveau")
    }

    fn views_rebuilt(&self, facts: u64, identical: bool) -> String {
        let facts = count(facts, "fait", "faits");
        if identical {
            format!("vues reconstruites depuis {facts} : identiques")
        } else {
            format!("vues reconstruites depuis {facts} : elles différaient et sont remplacées")
        }
    }

    fn opened(&self, url: &str) -> String {
        format!("ouverture de {url}")
    }

    fn pages_written(&self, pages: usize, folder: &str) -> String {
        format!("{} dans {folder}", count(pages as u64, "page écrite", "pages écrites"))
    }

    fn verified(&self, facts: u64, origin: &str) -> String {
        format!("vérifié : les {facts} faits de {origin} sont tels qu’ils ont été signés")
    }

    fn not_verified(&self, problem: &str) -> String {
        format!("NON vérifié : {problem}")
    }

    fn own_key(&self) -> &'static str {
        "vérifié avec la clé de l’export lui-même ; donnez --key pour savoir qui a signé"
    }

    fn application_labels(&self) -> ApplicationLabels {
        ApplicationLabels {
            revision: "révision  ",
            generation: "génération",
            image: "image     ",
            address: "adresse   ",
            waits_for: "attend    ",
        }
    }

    fn incident_labels(&self) -> IncidentLabels {
        IncidentLabels {
            found: "constat ",
            suspect: "suspect ",
            brought: "amené   ",
            evidence: "preuves ",
            reverted_by: "annulé par",
            next: "ensuite ",
        }
    }

    fn incident(&self, id: u64, state: &str, title: &str) -> String {
        format!("incident {id} ({state}) — {title}")
    }

    fn in_since(&self, environment: &str, time: &str) -> String {
        format!("en {environment} depuis {time}")
    }

    fn brought_by(&self, pull_request: u64, author: Option<&str>) -> String {
        format!(
            "par la demande de changement nº {pull_request} de {}",
            author.unwrap_or("personne de connu")
        )
    }

    fn patch_set(&self, number: u64, time: &str, author: &str) -> String {
        format!("jeu {number} ({time}), par {author}")
    }

    fn check(&self, name: &str, state: &str, required: bool, summary: &str) -> String {
        let required = if required { " (exigée)" } else { "" };
        format!("vérification {name} {state}{required} {summary}")
    }

    fn review(&self, verdict: &str, reviewer: &str, current: bool) -> String {
        let stale = if current { "" } else { " (d’un jeu plus ancien)" };
        format!("relecture : {verdict}, par {reviewer}{stale}")
    }

    fn reviewed(&self, verdict: &str, patch_set: u64, reviewer: &str) -> String {
        format!("{verdict} sur le jeu {patch_set} par {reviewer}")
    }

    fn merged_as(&self, commit: &str) -> String {
        format!("fusionnée en {commit}")
    }

    fn preview(&self, application: &str) -> String {
        format!("déployée comme {application}")
    }

    fn ready_to_merge(&self) -> &'static str {
        "prête à fusionner"
    }

    fn not_ready(&self) -> &'static str {
        "ne peut pas encore être fusionnée :"
    }

    fn restarts(&self, what: &str) -> String {
        format!("redémarre {what}")
    }

    fn deletes(&self, what: &str) -> String {
        format!("supprime {what}")
    }

    fn live_change(&self, unified: &str) -> String {
        match unified {
            "" => "sur le cluster, rien ne change : c’est déjà ainsi\n".into(),
            _ => format!("sur le cluster, voici ce qui change :\n{unified}"),
        }
    }

    fn note(&self, what: &str) -> String {
        format!("note : {what}")
    }

    fn checked_out(&self, branch: &str, patch_set: u64) -> String {
        format!("sur la branche {branch}, jeu {patch_set}")
    }

    fn run(&self, id: u64, name: &str, event: &str, commit: &str, state: &str) -> String {
        format!("exécution {id} — {name} sur {event} ({commit}) : {state}")
    }

    fn job_changed(&self, job: &str, state: &str) -> String {
        format!("{job:<30} {state}")
    }

    fn workflows_fine(&self, number: usize) -> String {
        format!("{}, tout va bien", count(number as u64, "workflow", "workflows"))
    }

    fn name_one_of(&self, workflows: &str) -> String {
        format!("nommez l’un de {workflows}")
    }

    fn no_job(&self, workflow: &str, job: &str) -> String {
        format!("{workflow} n’a pas de tâche {job}")
    }

    fn no_workflows(&self, folder: &str) -> String {
        format!("il n’y a pas de {folder} ici\n  essayez : allez à la racine du dépôt")
    }

    fn no_workflow(&self, workflow: Option<&str>, folder: &str) -> String {
        match workflow {
            Some(workflow) => format!("{workflow} n’est pas dans {folder}"),
            None => format!("il n’y a aucun workflow dans {folder}"),
        }
    }

    fn data_in_use(&self, folder: &str, process: Option<u32>) -> String {
        let process =
            process.map_or("un autre processus".into(), |id| format!("le processus {id}"));
        format!(
            "{folder} est utilisé par {process}\n  essayez : arrêtez ce processus, ou nommez un autre dossier par --data"
        )
    }

    fn migration(&self, from: &str, name: &str, objects: usize) -> String {
        format!("{from} devient l’application {name} ; objets qui changent de main : {objects}")
    }

    fn migrations(&self, found: usize, with_problems: usize) -> String {
        format!("trouvés : {found}, dont à régler d’abord (!) : {with_problems}")
    }

    fn migration_written(&self, count: usize, folder: &str) -> String {
        format!("Fichiers écrits dans {folder} : {count}. Rien n’a changé sur le cluster.")
    }

    fn cluster_added(&self, name: &str, secret: &str, file: &str) -> String {
        format!(
            "{file} déclare {name} ; son accès est le secret {secret}, que rien d’autre que ce cluster ne reçoit. Committez le fichier et ouvrez une pull request ; `boucle cluster list` le montre une fois fusionné."
        )
    }

    fn charts_added(&self, url: &str, secret: &str, file: &str) -> String {
        format!(
            "{file} déclare qui demande les charts de {url} ; le mot de passe est le secret {secret}, qui n’est envoyé nulle part ailleurs. Committez le fichier et ouvrez une pull request ; il compte une fois fusionné."
        )
    }

    fn kubeconfig_problem(&self, problem: &KubeconfigProblem) -> String {
        match problem {
            KubeconfigProblem::Nowhere => {
                "il n’y a pas de kubeconfig ; nommez-en un par --kubeconfig".into()
            }
            KubeconfigProblem::NoContext { context, known } => format!(
                "le kubeconfig n’a pas de contexte {context} ; il a : {}",
                known.join(", ")
            ),
            KubeconfigProblem::Incomplete { context } => format!(
                "le cluster ou l’utilisateur du contexte {context} n’est pas dans le kubeconfig"
            ),
            KubeconfigProblem::Program { user } => format!(
                "un programme donne l’accès de {user}, et un fichier de Git ne dit jamais quel programme le serveur exécute ; créez un compte de service et un kubeconfig avec son jeton (`kubectl create token`), ou démarrez le serveur avec ce kubeconfig (`boucle up --kubeconfig`)"
            ),
            KubeconfigProblem::NoCredential { user } => {
                format!("{user} n’a ni jeton, ni certificat avec sa clé")
            }
            KubeconfigProblem::Insecure => {
                "le kubeconfig ne vérifie pas le certificat du serveur d’API ; donnez son `certificate-authority-data` au lieu de `insecure-skip-tls-verify`".into()
            }
            KubeconfigProblem::Proxy => {
                "le serveur d’API est derrière un proxy, ce qui n’est pas pris en charge ; donnez une adresse que le serveur atteint".into()
            }
            KubeconfigProblem::Address { server } => format!(
                "{server} n’est pas l’adresse d’un serveur d’API ; elle commence par https://"
            ),
            KubeconfigProblem::FileExists { file } => format!(
                "{} existe ; supprimez-le ou choisissez un autre --name",
                file.display()
            ),
        }
    }

    fn demo_waits(&self) -> &'static str {
        "en attente de la première version saine en production"
    }

    fn demo_absent(&self) -> &'static str {
        "ce serveur n’héberge pas la démonstration\n  essayez : boucle up --demo"
    }

    fn demo_run_failed(&self, run: u64) -> String {
        format!("la première construction a échoué\n  essayez : boucle run show {run}")
    }

    fn demo_merged(&self) -> &'static str {
        "fusionnée ; la construction, staging et production suivent d’elles-mêmes"
    }

    fn demo_pull_request_merged(&self, number: u64) -> String {
        format!("la demande de changement nº {number} est fusionnée\n  suivez : boucle status")
    }

    fn demo_late(&self, seconds: u64) -> String {
        format!("la démonstration n’a pas fini en {seconds} s\n  essayez : boucle status")
    }

    fn demo_left_to_people(&self) -> &'static str {
        "la modification est malade et n’a pas été reprise : c’est à vous de décider\n  essayez : boucle status"
    }

    fn demo_check_failed(&self, check: &str, summary: &str, run: u64) -> String {
        format!(
            "la vérification {check} a échoué : {summary}\n  essayez : boucle logs run/{run}/test"
        )
    }

    fn stage<'a>(&self, stage: &'a str) -> &'a str {
        match stage {
            "pushed" => "poussé",
            "pull_request_opened" => "demande de changement ouverte",
            "checks_passed" => "vérifications passées",
            "approved" => "approuvée",
            "merged" => "fusionnée",
            "built" => "construit",
            "staging_deployed" => "déployé en staging",
            "staging_verified" => "vérifié en staging",
            "production_deployed" => "déployé en production",
            "production_redeployed" => "redéployé en production",
            "objective_tripped" => "objectif dépassé",
            "incident_opened" => "incident ouvert",
            "evidence_saved" => "preuves gardées",
            "rolled_back" => "retour arrière fait",
            "quarantined" => "mis en quarantaine",
            "healthy_again" => "sain à nouveau",
            other => other,
        }
    }

    fn story(&self, seconds: f64) -> String {
        let seconds = format!("{seconds:.1}").replace('.', ",");
        format!("la production est revenue en arrière et saine à nouveau après {seconds} s")
    }

    fn story_labels(&self) -> [&'static str; 5] {
        [
            "changement         ",
            "mauvaise révision  ",
            "preuves            ",
            "annulation         ",
            "plus               ",
        ]
    }
}
