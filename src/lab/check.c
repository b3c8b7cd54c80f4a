/* Judging what comes in. Knows nothing of processes. */
#include "lab/check.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static int refuse(char *why, size_t why_size, const char *subject, const char *text)
{
	if (why && why_size)
		snprintf(why, why_size, "%s%s%s", subject, subject[0] ? ": " : "", text);
	return -EINVAL;
}

bool bri_lab_check_name(const char *name)
{
	static const char *const taken[] = { "lo", "all", "default", ".", "..", "mptcp", "seed" };
	size_t len = strnlen(name, BRI_LAB_NAME_SIZE);

	if (len == 0 || len >= BRI_LAB_NAME_SIZE)
		return false;
	for (size_t i = 0; i < BRI_LEN(taken); i++) {
		if (!strcmp(name, taken[i]))
			return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	}
	return true;
}

static int check_link(const struct bri_lab_link *link)
{
	return link->delay_ns <= BRI_LAB_MAX_DELAY_NS && link->jitter_ns <= BRI_LAB_MAX_DELAY_NS &&
			       link->rate_bps <= BRI_LAB_MAX_RATE_BPS &&
			       link->queue_bytes <= BRI_LAB_MAX_QUEUE &&
			       link->loss_ppm <= 1000000 && link->mptcp <= BRI_LAB_MPTCP_DROP_SYN
		       ? 0
		       : -EINVAL;
}

int bri_lab_check_change(const struct bri_lab_change *change)
{
	if (change->directions > 3 || change->state > BRI_LAB_SILENT)
		return -EINVAL;
	return check_link(&change->link);
}

static int check_path(const struct bri_lab_config *config, uint32_t i, char *why, size_t why_size)
{
	const struct bri_lab_path_config *path = &config->paths[i];
	char name[BRI_LAB_NAME_SIZE + 1] = "";

	memcpy(name, path->name, sizeof(path->name));
	if (!bri_lab_check_name(path->name))
		return refuse(why, why_size, name, "not a name for a path");
	for (uint32_t k = 0; k < i; k++) {
		if (!strcmp(config->paths[k].name, path->name))
			return refuse(why, why_size, name, "two paths of this name");
	}
	if (check_link(&path->link[0]) < 0 || check_link(&path->link[1]) < 0)
		return refuse(why, why_size, name, "delay, rate, queue or loss out of range");
	if (path->mtu && (path->mtu < 1280 || path->mtu > 1500))
		return refuse(why, why_size, name, "mtu must be 1280 to 1500");
	return 0;
}

int bri_lab_check_config(const struct bri_lab_config *config, char *why, size_t why_size)
{
	if (config->n_paths < 1 || config->n_paths > BRI_LAB_MAX_PATHS)
		return refuse(why, why_size, "", "a lab has 1 to 16 paths");
	for (uint32_t i = 0; i < config->n_paths; i++) {
		if (check_path(config, i, why, why_size) < 0)
			return -EINVAL;
	}
	if (config->n_events > BRI_LAB_MAX_EVENTS)
		return refuse(why, why_size, "", "too many events");
	for (uint32_t i = 0; i < config->n_events; i++) {
		const struct bri_lab_event *event = &config->events[i];

		if (event->path >= config->n_paths || bri_lab_check_change(&event->change) < 0 ||
			(i && event->at_ns < config->events[i - 1].at_ns))
			return refuse(why, why_size, "", "an event is wrong or out of order");
	}
	return 0;
}

/* The n-th word of a line, or NULL past its end. */
static const char *word_at(const char *line, size_t n)
{
	for (; n; n--) {
		line += strcspn(line, " \n");
		if (*line != ' ')
			return NULL;
		line++;
	}
	return line;
}

static size_t word_len(const char *word)
{
	return strcspn(word, " :\t\n");
}

/* "Section: name name..." over "Section: value value...". */
static int find_in_pair(
	const char *names, const char *section, size_t section_len, const char *name, uint64_t *ret)
{
	const char *values = strchr(names, '\n');
	const char *word;

	if (section_len && (word_len(names) != section_len || strncmp(names, section, section_len)))
		return -ENOENT;
	for (size_t n = 1; values && (word = word_at(names, n)); n++) {
		if (word_len(word) == strlen(name) && !strncmp(word, name, strlen(name))) {
			word = word_at(values + 1, n);
			if (!word)
				return -ENOENT;
			*ret = strtoull(word, NULL, 10);
			return 0;
		}
	}
	return -ENOENT;
}

/* snmp6: one "name   value" a line. */
static int find_in_line(const char *line, const char *name, uint64_t *ret)
{
	size_t len = word_len(line);

	if (len != strlen(name) || strncmp(line, name, len))
		return -ENOENT;
	*ret = strtoull(line + len, NULL, 10);
	return 0;
}

int bri_lab_find_mib(const char *text, const char *name, uint64_t *ret)
{
	const char *dot = strchr(name, '.');
	size_t section_len = dot ? (size_t)(dot - name) : 0;
	const char *section = name;

	if (dot)
		name = dot + 1;
	while (*text) {
		const char *end = strchr(text, '\n');
		bool pair = text[word_len(text)] == ':';
		int r = pair ? find_in_pair(text, section, section_len, name, ret)
			     : find_in_line(text, name, ret);

		if (r == 0)
			return 0;
		if (end && pair)
			end = strchr(end + 1, '\n');
		if (!end)
			break;
		text = end + 1;
	}
	return -ENOENT;
}

static long read_sysctl(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

bool bri_lab_explain_sysctl(char *why, size_t why_size)
{
	static const struct {
		const char *path;
		long forbids;
		bool spares_root;
		const char *text;
	} causes[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", 0, true,
			"user namespaces are forbidden: kernel.unprivileged_userns_clone=0" },
		{ "/proc/sys/user/max_user_namespaces", 0, false,
			"user namespaces are forbidden: user.max_user_namespaces=0" },
		{ "/proc/sys/user/max_net_namespaces", 0, false,
			"network namespaces are forbidden: user.max_net_namespaces=0" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1, true,
			"user namespaces are restricted: "
			"kernel.apparmor_restrict_unprivileged_userns=1" },
	};

	for (size_t i = 0; i < BRI_LEN(causes); i++) {
		if (causes[i].spares_root && geteuid() == 0)
			continue;
		if (read_sysctl(causes[i].path) == causes[i].forbids) {
			refuse(why, why_size, "", causes[i].text);
			return true;
		}
	}
	return false;
}

void bri_lab_explain_userns(int error, char *why, size_t why_size)
{
	if (!why || !why_size || bri_lab_explain_sysctl(why, why_size))
		return;
	snprintf(why, why_size, "user namespace: %s%s", strerror(-error),
		error == -EPERM ? " (a container's seccomp filter?)" : "");
}
