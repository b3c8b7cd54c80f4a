/* Where scenarios come from: files, or the ones that are part of the program. */
#include "lab/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define SHIPPED(symbol, file)                                                                      \
	__asm__(".pushsection .rodata\n"                                                           \
		"bri_shipped_" #symbol ": .incbin \"" BRI_SCENARIO_DIR "/" file "\"\n"             \
		"bri_shipped_" #symbol "_end: .byte 0\n"                                           \
		".popsection\n");                                                                  \
	extern const char bri_shipped_##symbol[] __attribute__((visibility("hidden")));            \
	extern const char bri_shipped_##symbol##_end[] __attribute__((visibility("hidden")))

SHIPPED(lossy, "lossy");
SHIPPED(slow_path, "slow-path");
SHIPPED(two_equal, "two-equal");
SHIPPED(wlan_loss, "wlan-loss");

static const struct {
	const char *name, *text, *end;
} shipped[] = {
	{ "lossy", bri_shipped_lossy, bri_shipped_lossy_end },
	{ "slow-path", bri_shipped_slow_path, bri_shipped_slow_path_end },
	{ "two-equal", bri_shipped_two_equal, bri_shipped_two_equal_end },
	{ "wlan-loss", bri_shipped_wlan_loss, bri_shipped_wlan_loss_end },
};

static int read_file(FILE *file, char *why, size_t why_size, struct bri_scenario **ret)
{
	size_t size = BRI_SCENARIO_MAX_BYTES + 1;
	char *text = malloc(size);
	size_t len;
	int r;

	if (!text)
		return -ENOMEM;
	len = fread(text, 1, size, file);
	if (ferror(file)) {
		r = -errno;
		snprintf(why, why_size, "%s", strerror(errno));
	} else {
		r = bri_scenario_parse(text, len, why, why_size, ret);
	}
	free(text);
	return r;
}

const char *bri_scenario_shipped(size_t i)
{
	return i < BRI_LEN(shipped) ? shipped[i].name : NULL;
}

int bri_scenario_load(const char *name, char *why, size_t why_size, struct bri_scenario **ret)
{
	FILE *file = fopen(name, "re");
	int error = errno, r;

	if (file) {
		r = read_file(file, why, why_size, ret);
		fclose(file);
		return r;
	}
	for (size_t i = 0; error == ENOENT && i < BRI_LEN(shipped); i++) {
		if (!strcmp(shipped[i].name, name))
			return bri_scenario_parse(shipped[i].text,
				(size_t)(shipped[i].end - shipped[i].text), why, why_size, ret);
	}
	snprintf(why, why_size, "%s",
		error == ENOENT ? "no such file, and no scenario of this name is shipped"
				: strerror(error));
	return -error;
}
