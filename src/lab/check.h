/* Judging what comes in: configurations, changes, kernel counter texts. Pure but for the reasons
 * why a machine cannot, which are read from /proc. */
#ifndef BRI_LAB_CHECK_H
#define BRI_LAB_CHECK_H

#include "lab/lab.h"

#define BRI_LAB_MAX_DELAY_NS UINT64_C(60000000000)
#define BRI_LAB_MAX_RATE_BPS UINT64_C(100000000000)
#define BRI_LAB_MAX_QUEUE    (UINT64_C(1) << 30)

/* Both return 0, or -EINVAL and a reason. */
int bri_lab_check_config(const struct bri_lab_config *config, char *why, size_t why_size);
int bri_lab_check_change(const struct bri_lab_change *change);

/* bri_lab_check_name(): may this be the name of a path (an interface, and a word of scenarios)? */
bool bri_lab_check_name(const char *name);

/* bri_lab_find_mib(): `text` as of /proc/net/netstat (pairs of lines) or snmp6 (name and value). */
int bri_lab_find_mib(const char *text, const char *name, uint64_t *ret);

/* bri_lab_explain_sysctl(): does a sysctl forbid namespaces? Then which, in `why`. */
bool bri_lab_explain_sysctl(char *why, size_t why_size);

/* bri_lab_explain_userns(): why making the namespaces failed with `error`. */
void bri_lab_explain_userns(int error, char *why, size_t why_size);

#endif
