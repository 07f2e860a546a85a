// SPDX-License-Identifier: GPL-2.0
/* TLS settings of clients (DestinationRule) and servers (Gateway, Sidecar): checked only. */
#include <string.h>
#include "config/policy.h"

static bool is_true(const struct node *n, const char *key)
{
	const char *text = text_of(n, key);

	return text && !strcmp(text, "true");
}

/* The words in the order of their meaning below. */
enum client_mode { CLIENT_DISABLE, CLIENT_SIMPLE, CLIENT_MUTUAL, CLIENT_ISTIO_MUTUAL };
static const struct word client_modes[] = {
	{"DISABLE", CLIENT_DISABLE},
	{"SIMPLE", CLIENT_SIMPLE},
	{"MUTUAL", CLIENT_MUTUAL},
	{"ISTIO_MUTUAL", CLIENT_ISTIO_MUTUAL},
	{0},
};

static int mode_of(const struct node *n, const struct word *words)
{
	const char *text = text_of(n, "mode");

	for (; text && words->text; words++)
		if (!strcmp(words->text, text))
			return words->value;
	return 0;
}

/* Says which of the keys stands beside what excludes it. */
static void refuse(struct decoder *d, const struct node *n, const char *const *keys,
		   const char *beside)
{
	for (; *keys; keys++)
		if (is_set(n, *keys))
			decode_error_key(d, n, *keys, "stands beside %s, want only one of them",
					 beside);
}

static void need(struct decoder *d, const struct node *n, const char *key, const char *mode)
{
	if (!is_set(n, key))
		decode_error_key(d, n, key, "is missing, mode %s needs it", mode);
}

static void check_client_tls(struct decoder *d, const struct node *n, void *into)
{
	static const char *const simple_verify[] = {"caCertificates", "credentialName",
						    "subjectAltNames", NULL};
	static const char *const mutual_verify[] = {"caCertificates", "subjectAltNames", NULL};
	static const char *const files[] = {"clientCertificate", "privateKey", "caCertificates",
					    "caCrl", NULL};
	int mode = mode_of(n, client_modes);

	(void)into;
	if (mode != CLIENT_DISABLE)
		decode_later(d, n);
	if (mode != CLIENT_SIMPLE && mode != CLIENT_MUTUAL)
		return;
	if (is_true(n, "insecureSkipVerify"))
		refuse(d, n, mode == CLIENT_SIMPLE ? simple_verify : mutual_verify,
		       "insecureSkipVerify");
	if (is_set(n, "credentialName")) {
		refuse(d, n, files, "credentialName");
	} else if (mode == CLIENT_MUTUAL) {
		need(d, n, "clientCertificate", "MUTUAL");
		need(d, n, "privateKey", "MUTUAL");
	}
}

static const struct field client_fields[] = {
	{"caCertificates"},
	{"caCrl"},
	{"clientCertificate"},
	{"credentialName"},
	{"insecureSkipVerify", FIELD_BOOL},
	{"mode", FIELD_WORD, .words = client_modes},
	{"privateKey"},
	{"sni"},
	{"subjectAltNames", FIELD_STRING, FIELD_LIST},
	{0},
};
const struct message client_tls = {client_fields, .check = check_client_tls};

enum server_mode {
	SERVER_PASSTHROUGH,
	SERVER_SIMPLE,
	SERVER_MUTUAL,
	SERVER_AUTO_PASSTHROUGH,
	SERVER_ISTIO_MUTUAL,
	SERVER_OPTIONAL_MUTUAL,
};
static const struct word server_modes[] = {
	{"PASSTHROUGH", SERVER_PASSTHROUGH},
	{"SIMPLE", SERVER_SIMPLE},
	{"MUTUAL", SERVER_MUTUAL},
	{"AUTO_PASSTHROUGH", SERVER_AUTO_PASSTHROUGH},
	{"ISTIO_MUTUAL", SERVER_ISTIO_MUTUAL},
	{"OPTIONAL_MUTUAL", SERVER_OPTIONAL_MUTUAL},
	{0},
};
static const struct word versions[] = {
	{"TLS_AUTO"}, {"TLSV1_0"}, {"TLSV1_1"}, {"TLSV1_2"}, {"TLSV1_3"}, {0},
};

static const struct field pair_fields[] = {
	{"caCertificates"},
	{"privateKey", .flags = FIELD_REQUIRED},
	{"serverCertificate", .flags = FIELD_REQUIRED},
	{0},
};
static const struct message pair = {pair_fields};

static void check_pair_list(struct decoder *d, const struct node *n, const char *key)
{
	const struct node *list = node_get(n, key);

	if (list && list->type == NODE_LIST && (!list->nr || list->nr > 2))
		decode_error(d, list, "has %zu elements, want 1 or 2", list->nr);
}

/* The modes that show a certificate need one, from one source. */
static void check_certificate(struct decoder *d, const struct node *n, int mode)
{
	const char *name = server_modes[mode].text;
	bool named = is_set(n, "credentialName") || is_set(n, "credentialNames");

	if (mode != SERVER_SIMPLE && is_set(n, "caCertificates") && named)
		decode_warning_key(d, n, "caCertificates",
				   "is not used, credentialName brings its own");
	if (mode == SERVER_SIMPLE && is_set(n, "caCrl"))
		decode_error_key(d, n, "caCrl", "has no effect in mode SIMPLE, want MUTUAL");
	if (named || is_set(n, "tlsCertificates"))
		return;
	need(d, n, "serverCertificate", name);
	need(d, n, "privateKey", name);
	if (mode != SERVER_SIMPLE)
		need(d, n, "caCertificates", name);
}

static void check_server_tls(struct decoder *d, const struct node *n, void *into)
{
	static const char *const sources[] = {"serverCertificate", "credentialName",
					      "credentialNames", "tlsCertificates", NULL};
	static const char *const all[] = {"serverCertificate",
					  "privateKey",
					  "caCertificates",
					  "tlsCertificates",
					  "credentialName",
					  "credentialNames",
					  NULL};
	int mode = mode_of(n, server_modes);

	(void)into;
	check_pair_list(d, n, "credentialNames");
	check_pair_list(d, n, "tlsCertificates");
	if (mode == SERVER_ISTIO_MUTUAL) {
		refuse(d, n, all, "mode ISTIO_MUTUAL");
		return;
	}
	check_one_of(d, n, sources);
	if (mode == SERVER_PASSTHROUGH || mode == SERVER_AUTO_PASSTHROUGH) {
		for (size_t i = 0; all[i]; i++)
			if (is_set(n, all[i]))
				decode_warning_key(d, n, all[i], "is not used in mode %s",
						   server_modes[mode].text);
		return;
	}
	check_certificate(d, n, mode);
}

static const struct field server_fields[] = {
	{"caCertCredentialName"},
	{"caCertificates"},
	{"caCrl"},
	{"cipherSuites", FIELD_STRING, FIELD_LIST},
	{"credentialName"},
	{"credentialNames", FIELD_STRING, FIELD_LIST},
	{"ecdhCurves", FIELD_STRING, FIELD_LIST},
	{"httpsRedirect", FIELD_BOOL},
	{"insecureSkipVerify", FIELD_BOOL},
	{"maxProtocolVersion", FIELD_WORD, .words = versions},
	{"minProtocolVersion", FIELD_WORD, .words = versions},
	{"mode", FIELD_WORD, .words = server_modes},
	{"privateKey"},
	{"serverCertificate"},
	{"subjectAltNames", FIELD_STRING, FIELD_LIST},
	{"tlsCertificates", FIELD_MESSAGE, FIELD_LIST, .message = &pair},
	{"verifyCertificateHash", FIELD_STRING, FIELD_LIST},
	{"verifyCertificateSpki", FIELD_STRING, FIELD_LIST},
	{0},
};
const struct message server_tls = {server_fields, .check = check_server_tls};
