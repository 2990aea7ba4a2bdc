import type { JWTPayload } from 'jose';

/** The claims of tokens as each platform issues them, less `iss`, `aud`, `iat` and `exp`, with other people's names. */
export const workloadTokens = {
  kubernetes: {
    jti: 'b5a1f7c9-3d5e-4f37-9b1d-0c7f6f7e2a11',
    nbf: 1_700_000_000,
    sub: 'system:serviceaccount:agents:nightly',
    'kubernetes.io': {
      namespace: 'agents',
      node: { name: 'node-1', uid: '6f6c5f3a-8a4e-4c8e-8f57-2d0f5f1f3f11' },
      pod: { name: 'nightly-7c9d8f5b6-x2x8w', uid: '2d9f0a55-9f3e-4a39-8b35-2e8f8d1c6a22' },
      serviceaccount: { name: 'nightly', uid: '0b6d5e1c-1f1f-4b73-a5a7-52c1c1e6b833' },
    },
  },
  spiffe: { sub: 'spiffe://acme.example/ns/agents/sa/nightly' },
  githubActions: {
    jti: '8ea8373e-0f9d-489d-a480-ac37deexample',
    sub: 'repo:acme/app:ref:refs/heads/main',
    ref: 'refs/heads/main', ref_protected: 'true', ref_type: 'branch', sha: '45693bce2e1ff2ea57d26f93ed9f1b0ee3a4cafe',
    repository: 'acme/app', repository_id: '74', repository_owner: 'acme', repository_owner_id: '65', repository_visibility: 'private',
    actor: 'octo', actor_id: '12', workflow: 'nightly', workflow_ref: 'acme/app/.github/workflows/nightly.yml@refs/heads/main', job_workflow_ref: 'acme/app/.github/workflows/nightly.yml@refs/heads/main',
    run_id: '9001', run_number: '10', run_attempt: '2', runner_environment: 'github-hosted', event_name: 'workflow_dispatch', head_ref: '', base_ref: '', environment: 'production',
  },
  gitlab: {
    jti: 'c82eeb0c-5c6f-4a33-abf5-4c474b92b558',
    nbf: 1_700_000_000,
    sub: 'project_path:acme/app:ref_type:branch:ref:main',
    namespace_id: '72', namespace_path: 'acme', project_id: '20', project_path: 'acme/app', user_id: '1', user_login: 'sample', user_email: 'sample@acme.example',
    pipeline_id: '574', pipeline_source: 'push', job_id: '302', ref: 'main', ref_type: 'branch', ref_path: 'refs/heads/main', ref_protected: 'true',
    runner_id: 1, runner_environment: 'gitlab-hosted', sha: '714a629c0b401fdce83e847fc9589983fc6f46bc', ci_config_ref_uri: 'gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main',
  },
} as const satisfies Record<string, JWTPayload>;
