{{- define "tollgate.selector" -}}
app.kubernetes.io/name: tollgate
app.kubernetes.io/component: operator
{{- end }}

{{- define "tollgate.labels" -}}
{{ include "tollgate.selector" . }}
app.kubernetes.io/part-of: tollgate
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "tollgate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end }}

{{- define "tollgate.config" -}}
{{- $settings := deepCopy .Values.settings }}
{{- if not $settings.benchmark.image }}
{{- $_ := set $settings.benchmark "image" (include "tollgate.image" .) }}
{{- end }}
{{- if not $settings.prices }}
{{- $_ := unset $settings "prices" }}
{{- end }}
{{- toYaml $settings }}
{{- end }}
