/*
 * model_kinds.c: the models there are (model_kinds.h). Pure.
 */
#include "postgres.h"

#include "learning/campaign_features.h"
#include "learning/features.h"
#include "learning/model.h"
#include "learning/model_kinds.h"

static const SSModelKind kinds[] = {
	{SS_MODEL_CHURN, SS_USER_FEATURES, NULL, false, ss_churn_examples},
	{SS_MODEL_CONVERSION, SS_CONVERSION_FEATURES, ss_conversion_feature_names, false, ss_conversion_examples},
	{SS_MODEL_OFFER, SS_OFFER_FEATURES, ss_offer_feature_names, true, ss_offer_examples},
};

const SSModelKind *
ss_model_kind(const char *name)
{
	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

const char *
ss_model_kind_feature(const SSModelKind *kind, int i)
{
	return i < SS_USER_FEATURES ? ss_feature_names[i] : kind->beside[i - SS_USER_FEATURES];
}
